//! 保密, from the command line of three real tiers: who reads is on record, files about papers stay where they are, and what is
//! put together is as secret as the most secret of its parts.

use tests::{
    country::{Country, eventually, small},
    officer::Officer,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_secret_is_read_by_name_and_its_files_stay_at_home() {
    let country = Country::start(&small()).await;
    let district = Officer::at(&country, "420100", "张三");
    let province = Officer::at(&country, "420000", "王五");
    let ministry = Officer::at(&country, "000000", "赵一");
    let directory = tempfile::tempdir().unwrap();
    let photo = directory.path().join("现场.jpg");
    std::fs::write(&photo, "not the paper itself").unwrap();
    let photo = photo.to_str().unwrap();

    let line =
        ["report", "submit", "--exercise", "--category", "试卷安全", "--occurred", "5m ago", "--place", "保密室"];
    let line = [&line[..], &["--classification", "机密", "--need-to-know", "赵一", "--attach", photo]].concat();
    let secret = files(&district, &[&line[..], &["-m", "少一袋"]].concat());
    let seen = eventually("the ministry may read it", async || {
        let said = ministry.types(&["msg", "show", &secret, "--json"]);
        serde_json::from_str::<serde_json::Value>(&said.out).ok()
    })
    .await;
    assert_eq!((&seen["content"]["text"], &seen["withheld"]), (&"少一袋".into(), &false.into()));
    // It was read once, by somebody who has no shift; the province's officer is not named, and in no list is the text.
    let log = ministry.json(&["shift", "log"]);
    assert!(log.to_string().contains("reading") && log.to_string().contains("赵一"), "{log:#}");
    let seen = province.json(&["msg", "show", &secret]);
    assert_eq!((&seen["content"], &seen["withheld"]), (&serde_json::Value::Null, &true.into()));
    let listed = ministry.types(&["inbox", "ls", "--json"]).out;
    assert!(listed.contains(&secret) && !listed.contains("少一袋"), "{listed}");
    let refused = province.types(&["incident", "export", &secret, "-o", "x.evidence"]);
    assert!(refused.code != 0 && refused.err.contains("知悉范围"), "{refused:?}");

    // The file's digest is there, the file is not, and that is said; what follows cannot be less secret.
    let copy = directory.path().join("copy.jpg");
    let copy = copy.to_str().unwrap();
    let got = ministry.types(&["attachment", "get", "现场.jpg", "--of", &secret, "-o", copy]);
    assert!(got.code != 0 && got.err.contains("只有指纹随行"), "{got:?}");
    let less = ["report", "follow-up", &secret, "-m", "续", "--classification", "内部"];
    let refused = district.types(&less);
    assert!(refused.code == 6 && refused.err.contains("密级"), "{refused:?}");
    let more = ["report", "follow-up", &secret, "-m", "续", "--attach", photo, "--release-files", "定密责任人钱二"];
    let more = files(&district, &more);
    eventually("the file that was released comes", async || {
        let got = ministry.types(&["attachment", "get", "现场.jpg", "--of", &more, "-o", copy]);
        (got.code == 0).then_some(())
    })
    .await;
    assert_eq!(std::fs::read_to_string(copy).unwrap(), "not the paper itself");
    std::fs::remove_file(copy).unwrap();
    let stranger = Officer::at(&country, "000000", "孙三");
    let got = stranger.types(&["attachment", "get", "现场.jpg", "--of", &more, "-o", copy]);
    assert!(got.code != 0 && got.err.contains("知悉范围"), "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_province_puts_reports_together_and_a_drill_is_summed_up() {
    let country = Country::start(&small()).await;
    let [wuhan, yichang] = ["420100", "420500"].map(|unit| Officer::at(&country, unit, "张三"));
    let province = Officer::at(&country, "420000", "王五");
    let ministry = Officer::at(&country, "000000", "赵一");
    let drill = ["drill", "start", "--to", "420000,420100,420500", "--title", "台风桌面演练", "-m", "按预案处置"];
    let drill = files(&ministry, &drill);
    for officer in [&province, &wuhan, &yichang] {
        eventually("everybody signs for the drill", async || {
            (officer.types(&["directive", "sign", &drill]).code == 0).then_some(())
        })
        .await;
    }
    let line = ["report", "submit", "--exercise", "--category", "自然灾害", "--grade", "iii", "--place", "第一考点"];
    let one = files(&wuhan, &[&line[..], &["--occurred", "2m ago", "-m", "操场积水,\n道路中断"]].concat());
    let two = files(&yichang, &[&line[..], &["--occurred", "50m ago", "-m", "部分考场漏雨"]].concat());
    let quotes = ["aggregate", "submit", "--title", "全省汛情汇总", "--leader", "李厅长", "--quote", &one, "--quote"];
    let altered = format!("{two}=全部考场漏雨");
    let part = format!("{two}=考场漏雨");
    eventually("both are at the province", async || {
        let all = [&one, &two].map(|number| province.types(&["inbox", "sign", number]).code);
        all.iter().all(|code| [0, 6].contains(code)).then_some(())
    })
    .await;
    let refused = province.types(&[&quotes[..], &[&altered, "-m", "汇总"]].concat());
    assert!(refused.code == 6 && refused.err.contains("照原文"), "{refused:?}");
    let bulletin = files(&province, &[&quotes[..], &[&part, "-m", "两地已处置"]].concat());
    let seen = eventually("the ministry has it", async || {
        let said = ministry.types(&["msg", "show", &bulletin, "--json"]);
        serde_json::from_str::<serde_json::Value>(&said.out).ok()
    })
    .await;
    assert_eq!(seen["content"]["quotes"][1]["text"], "考场漏雨");
    assert_eq!(seen["content"]["quotes"][0]["origin"], "420100");

    // One knew long before he reported: that is in the sum of it, and he is urged.
    let summed = eventually("both incidents are in the drill's report", async || {
        let summed = ministry.json(&["drill", "report", &drill]);
        (summed["incidents"].as_array()?.len() == 2 && summed["signed"].as_array()?.len() == 3).then_some(summed)
    })
    .await;
    let late = |number: &str| {
        let all = summed["incidents"].as_array().unwrap();
        let one = all.iter().find(|one| one["number"] == number).unwrap();
        one["behind"].as_array().unwrap().iter().any(|duty| duty["what"] == "report")
    };
    assert!(late(&two) && !late(&one), "{summed:#}");
    assert!(summed["signed"].as_array().unwrap().iter().all(|one| one["signed_after_us"].is_u64()), "{summed:#}");
    let urged = ministry.json(&["obligation", "urge", "--incident", &two]);
    assert_eq!(urged["urged"][0]["owner"], "420500", "{urged:#}");
    files(&ministry, &["drill", "stop", &drill]);
    let after = files(&wuhan, &[&line[..], &["--occurred", "now", "-m", "演练之后"]].concat());
    eventually("what comes afterwards is not in it", async || {
        let there = ministry.types(&["msg", "show", &after, "-q"]).code == 0;
        there.then_some(())
    })
    .await;
    let summed = ministry.json(&["drill", "report", &drill]);
    assert!(summed["ended_at"].is_string() && summed["incidents"].as_array().unwrap().len() == 2, "{summed:#}");
    let text = ministry.types(&["drill", "report", &drill, "--lang", "en"]).out;
    assert!(text.contains("The drill is over") && text.contains(&two), "{text}");
}

fn files(officer: &Officer, line: &[&str]) -> String {
    let said = officer.types(&[line, &["-q"]].concat());
    assert_eq!(said.code, 0, "{line:?}: {said:?}");
    said.out.trim().to_owned()
}
