//! 越级: past a province that is dead, the ministry hears at once, answers at once, and the province is copied when it is back.

use tests::{
    country::{Country, eventually, small, unit},
    officer::Officer,
};

#[tokio::test(flavor = "multi_thread")]
async fn row_3_7_in_part_a_district_whose_province_is_dead_reports_straight_to_the_ministry_and_hears_back() {
    let mut country = Country::start(&small()).await;
    let district = Officer::at(&country, "420100", "张三");
    let ministry = Officer::at(&country, "000000", "赵一");
    country.kill(&unit("420000"));
    eventually("the district sees that the line is down", async || {
        let status = district.json(&["status"]);
        status["links"][0]["up"].as_bool().filter(|up| !up)
    })
    .await;
    let line = ["report", "submit", "--actual", "--category", "试卷安全", "--occurred", "00:00", "--place", "第三考点"];
    let incident = files(&district, &[&line[..], &["-m", "启封时发现少一袋"]].concat());
    let bypass = ["report", "bypass", &incident, "--reason", "省厅联系不上,试卷失窃不能等"];
    let bypass = files(&district, &bypass);

    // The ministry has both, straight from the district, and what it says comes straight back.
    signs(&ministry, &incident).await;
    let seen = ministry.json(&["msg", "show", &bypass]);
    assert_eq!((&seen["content"]["cause"], &seen["content"]["skipped"]), (&"line-down".into(), &"420000".into()));
    let way: Vec<_> = seen["passages"].as_array().unwrap().iter().map(|one| one["station"].clone()).collect();
    assert!(!way.contains(&"420000".into()), "{way:?}");
    reaches(&district, &incident, "signed").await;
    // What follows goes the same way, and so does an order.
    let more = files(&district, &["report", "follow-up", &incident, "-m", "已找到"]);
    signs(&ministry, &more).await;
    reaches(&district, &more, "signed").await;
    let order = ["directive", "issue", "--actual", "--to", "420100", "--for", &incident, "--title", "保护现场"];
    let order = files(&ministry, &[&order[..], &["-m", "保护现场,等候公安。"]].concat());
    eventually("the order arrives past the province", async || {
        (district.types(&["directive", "sign", &order]).code == 0).then_some(())
    })
    .await;
    reaches(&ministry, &order, "signed").await;

    // The province comes back: it is copied, and the ministry hears nothing twice.
    let known = ministry.types(&["inbox", "ls", "-q"]).out.lines().count();
    assert_eq!(known, 3);
    country.revive(&unit("420000"));
    let province = Officer::at(&country, "420000", "王五");
    for number in [&incident, &bypass, &more] {
        signs(&province, number).await;
    }
    eventually("nothing waits any more", async || {
        let links = district.json(&["status"])["links"].clone();
        let waits = |link: &serde_json::Value| {
            ["ready", "in_flight", "parked", "held"]
                .iter()
                .any(|key| link["queue"][key] != 0 && !link["queue"][key].is_null())
        };
        (!links.as_array()?.iter().any(waits)).then_some(())
    })
    .await;
    assert_eq!(ministry.types(&["inbox", "ls", "-q"]).out.lines().count(), known);
    let refused = district.types(&["report", "bypass", &incident, "--reason", "再报"]);
    assert!(refused.code != 0 && refused.err.contains("部已收到"), "{refused:?}");
}

fn files(officer: &Officer, line: &[&str]) -> String {
    let said = officer.types(&[line, &["-q"]].concat());
    assert_eq!(said.code, 0, "{line:?}: {said:?}");
    said.out.trim().to_owned()
}

async fn signs(officer: &Officer, number: &str) {
    eventually(&format!("{number} arrives and is signed for"), async || {
        (officer.types(&["inbox", "sign", number]).code == 0).then_some(())
    })
    .await;
}

async fn reaches(officer: &Officer, number: &str, stage: &str) {
    eventually(&format!("{number} is {stage}"), async || {
        let said = officer.types(&["msg", "show", number, "--json"]);
        let view: serde_json::Value = serde_json::from_str(&said.out).ok()?;
        // Whoever is only copied may have it later.
        let mut acting = view["recipients"].as_array()?.iter().filter(|one| one["role"] == "action");
        acting.all(|one| one["reached"] == stage).then_some(())
    })
    .await;
}
