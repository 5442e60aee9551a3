//! The command line against running stations: what people and scripts rely on, in both languages.
//!
//! One country serves all scenes, one after the other; each scene is a sentence about the product.

use std::{path::Path, time::Duration};

use serde_json::Value;
use tests::{
    country::{Country, small, unit},
    officer::{Officer, Said},
};

const SUBMIT: &[&str] =
    &["report", "submit", "--exercise", "--category", "试卷安全", "--occurred", "00:00", "--place", "武汉", "-m"];

/// Files a report and returns its number.
fn submits(officer: &Officer, text: &str, more: &[&str]) -> String {
    let said = officer.types(&[SUBMIT, &[text, "-q"], more].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_keeps_its_word() {
    let country = Country::start(&small()).await;
    everything_that_only_looks_can_be_looked_at(&country);
    a_report_is_waited_for_level_by_level(&country);
    a_wait_over_a_cut_line_ends_with_5_and_the_report_goes_on(&country);
    mistakes_and_refusals_have_their_numbers_and_their_sentences(&country);
    the_same_key_is_one_report_and_a_file_is_as_good_as_flags(&country);
    what_is_counted_says_who_counted_and_when(&country);
    an_attachment_arrives_whole(&country);
    a_directive_is_followed_until_all_have_signed(&country);
}

fn everything_that_only_looks_can_be_looked_at(country: &Country) {
    for station in ["420100", "420000", "000000"] {
        let officer = Officer::at(country, station, "");
        assert_eq!(officer.json(&["status"])["unit"], station);
        let check = officer.json(&["check"]);
        assert_eq!(check["severity"], "ok", "{check}");
        let ids: Vec<_> = check["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        for id in ["station-running", "cert-valid", "store-writable", "link-up", "queue-moving"] {
            assert!(ids.contains(&id), "{station}: no {id} in {ids:?}");
        }
        assert_eq!(officer.json(&["queue", "ls"])["schema"], "zhuji.queue/1");
        assert!(officer.json(&["link", "ls"])["links"][0]["up"].as_bool().unwrap());
    }
    let district = Officer::at(country, "420100", "");
    let zh = district.types(&["status"]).out;
    assert!(zh.starts_with("武汉 district-node ") && zh.contains("上 湖北") && zh.contains("在线"), "{zh}");
    let en = district.types(&["status", "--lang", "en"]).out;
    assert!(en.starts_with("Wuhan district-node ") && en.contains("↑ Hubei"), "{en}");
    let nagios = district.types(&["check", "--format", "nagios"]);
    assert!(nagios.code == 0 && nagios.out.starts_with("OK - "), "{nagios:?}");
    let ping = district.types(&["link", "ping", "湖北", "-c", "1"]);
    assert!(ping.code == 0 && ping.out.starts_with("来自 湖北(spiffe://"), "{ping:?}");
}

fn a_report_is_waited_for_level_by_level(country: &Country) {
    let district = Officer::at(country, "420100", "张三");
    let waited = district.types(&[SUBMIT, &["封装损毁", "--wait", "ministry", "--timeout", "20s"]].concat());
    assert_eq!(waited.code, 0, "{waited:?}");
    assert!(waited.out.starts_with("已入队   R-420100-") && waited.out.contains("✔ 司法部 "), "{}", waited.out);
    assert!(waited.err.contains("district-node report follow-up R-420100-"), "{}", waited.err);
    let number = waited.out.split_whitespace().nth(1).unwrap();

    let hub = Officer::at(country, "000000", "赵一");
    let signed = hub.types(&["inbox", "sign", number]);
    assert!(signed.code == 0 && signed.out.contains("赵一 签收"), "{signed:?}");
    let again = hub.types(&["inbox", "sign", number, "--lang", "en"]);
    assert!(again.code == 6 && again.err.starts_with("refused (6): 赵一 has done that"), "{again:?}");
    let more = district.types(&["report", "final", number, "-m", "已更换", "--wait", "province", "--timeout", "20s"]);
    assert_eq!(more.code, 0, "{more:?}");

    let ladder = district.types(&["report", "status", number]).out;
    assert!(ladder.contains("司法部  赵一 签收"), "{ladder}");
    let trace = district.json(&["trace", number]);
    let events: Vec<_> = trace["events"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["occurred", "filed", "passed", "passed", "signed"], "{trace}");
    assert_eq!(trace["document"]["recipients"][0]["tier"], "ministry");
}

fn a_wait_over_a_cut_line_ends_with_5_and_the_report_goes_on(country: &Country) {
    let hubei = unit("420000");
    let district = Officer::at(country, "420100", "张三");
    country.cut(&hubei);
    let waited = district.types(&[SUBMIT, &["断线时填报", "--wait", "signed", "--timeout", "500ms"]].concat());
    assert_eq!(waited.code, 5, "{waited:?}");
    assert!(waited.out.contains("报文仍在继续上送"), "{}", waited.out);
    let province = Officer::at(country, "420000", "");
    let check = province.types(&["check", "links"]);
    assert!(check.code == 1 && check.out.contains("× 与 司法部 断开"), "{check:?}");
    let ping = province.types(&["link", "ping", "司法部", "-c", "1"]);
    assert!(ping.code == 1 && ping.err.starts_with("错误: 与 司法部 的链路断开"), "{ping:?}");
    let queue = province.types(&["queue", "ls", "--peer", "司法部", "--lang", "en"]).out;
    assert!(queue.contains("R-420100-") && queue.contains("parked"), "{queue}");
    country.heal(&hubei);
    let healed = province.types(&["check", "links", "--wait", "20s"]);
    assert_eq!(healed.code, 0, "{healed:?}");
}

fn mistakes_and_refusals_have_their_numbers_and_their_sentences(country: &Country) {
    let district = Officer::at(country, "420100", "张三");
    let nobody = Officer::at(country, "420100", "");
    let said = |said: Said, code: i32, sentence: &str| {
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.err.starts_with(sentence), "{said:?}");
    };
    said(district.types(&["trace", "R-none"]), 1, "错误: 本机没有编号为「R-none」的报文");
    said(district.types(&["report", "submit", "--grade", "rde"]), 2, "错误: 参数 --grade 的取值「rde」无效");
    said(district.types(&["report", "submit", "--exercise"]), 2, "错误: 缺少: --category");
    said(nobody.types(&[SUBMIT, &["x"]].concat()), 4, "错误: 这一操作以本单位名义作出");
    said(district.types(&[SUBMIT, &["情况如上,请批示"]].concat()), 6, "拒绝(6): 报告中不得夹带请示");
    said(
        district.types(&[SUBMIT, &["x 请批示", "--lang", "en"]].concat()),
        6,
        "refused (6): a report may not carry a request for instructions",
    );
    let province = Officer::at(country, "420000", "王五");
    let directive = ["directive", "issue", "--exercise", "--title", "t", "-m", "x", "--to"];
    said(province.types(&[&directive[..], &["福建"]].concat()), 6, "拒绝(6): 「福建」不是本单位的下级");
    said(province.types(&[&directive[..], &["湖南"]].concat()), 2, "错误: 没有叫「湖南」的单位");
    let elsewhere = district.away("/nowhere/s");
    said(elsewhere.types(&["status"]), 3, "错误: 连不上本机节点(/nowhere/s)\n  启动: district-node run");
    said(elsewhere.types(&["check", "--lang", "en"]), 3, "error: the station of this machine cannot be reached");
    let nagios = elsewhere.types(&["check", "--format", "nagios"]);
    assert!(nagios.code == 2 && nagios.out.starts_with("CRITICAL - "), "{nagios:?}");
}

fn the_same_key_is_one_report_and_a_file_is_as_good_as_flags(country: &Country) {
    let district = Officer::at(country, "420500", "张三");
    let keyed = [SUBMIT, &["一件", "--idempotency-key", "k-1"]].concat();
    let (first, again) = (district.json(&keyed), district.json(&keyed));
    assert_eq!((&first["id"], &first["repeated"]), (&again["id"], &Value::from(false)));
    assert_eq!(again["repeated"], true);
    assert!(district.types(&keyed).out.starts_with("此前已入队   R-420500-"));

    let file =
        "status = \"exercise\"\ncategory = \"accident\"\noccurred = \"00:00\"\nplace = \"宜昌\"\ntext = \"停电\"\n";
    let filed = district.pipes(&["report", "submit", "--file", "-", "-q"], file);
    assert_eq!(filed.code, 0, "{filed:?}");
    let shown = district.json(&["msg", "show", filed.out.trim()]);
    assert_eq!((&shown["content"]["place"], &shown["content"]["text"]), (&"宜昌".into(), &"停电".into()));
    let wrong = district.pipes(&["report", "submit", "--file", "-"], "plase = \"宜昌\"\n");
    assert!(wrong.code == 2 && wrong.err.contains("plase"), "{wrong:?}");
    let text = district.pipes(&[SUBMIT, &["-", "-q"]].concat(), "第一行\n第二行\n");
    assert_eq!(district.json(&["report", "show", text.out.trim()])["content"]["text"], "第一行\n第二行");
    let listed = district.types(&["report", "ls", "-q"]).out;
    assert_eq!(listed.lines().count(), 3, "{listed}");
}

/// 首报 without any, 续报 with some, another figure by somebody else: all of them stand, as they were said.
fn what_is_counted_says_who_counted_and_when(country: &Country) {
    let district = Officer::at(country, "420100", "张三");
    let form = district.types(&["report", "form", "--category", "试卷安全"]).out;
    assert!(form.contains("封装损毁") && form.contains("未扩散、可能扩散、已扩散"), "{form}");
    let number = submits(&district, "一袋封装损毁", &["--item", "封装损毁=1"]);
    let counted = ["--item", "injured=2", "--item", "扩散情况=可能扩散", "--source", "主考", "--as-of", "00:01"];
    let more = ["report", "follow-up", &number, "-m", "清点完毕", "-q", "--wait", "ministry", "--timeout", "20s"];
    let said = district.types(&[&more[..], &counted].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let second = district.json(&["report", "ls", "--incident", &number])["items"][0]["number"].clone();
    let hub = Officer::at(country, "000000", "赵一");
    let shown = hub.json(&["msg", "show", second.as_str().unwrap()]);
    let items = &shown["content"]["items"];
    assert_eq!((&items[0]["item"], &items[0]["value"]), (&"injured".into(), &2.into()), "{shown}");
    assert_eq!((&items[1]["value"], &items[1]["source"]), (&"suspected".into(), &"主考".into()), "{shown}");
    let first = hub.types(&["msg", "show", &number, "--lang", "en"]).out;
    assert!(first.contains("seals broken") && first.contains("张三"), "{first}");

    let incident = hub.json(&["incident", "show", &number]);
    assert_eq!(incident["reports"].as_array().map(Vec::len), Some(2), "{incident}");
    assert_eq!(incident["statements"].as_array().map(Vec::len), Some(3), "{incident}");
    assert_eq!(incident["missing_positions"], Value::Array(Vec::new()));
    let told = hub.types(&["incident", "show", &number]).out;
    assert!(told.contains("可能扩散") && told.contains("主考") && told.contains("最新"), "{told}");

    let wrong = district.types(&["report", "follow-up", &number, "-m", "x", "--item", "病种=甲流"]);
    assert!(wrong.code == 2 && wrong.err.contains("要素 病种 不属于本类别的表单"), "{wrong:?}");
    let wrong = district.types(&["report", "follow-up", &number, "-m", "x", "--item", "扩散情况=红色"]);
    assert!(wrong.code == 2 && wrong.err.contains("可选值: 未扩散、可能扩散、已扩散"), "{wrong:?}");
    let file = "status = \"exercise\"\ncategory = \"accident\"\noccurred = \"00:00\"\nplace = \"武汉\"\ntext = \"停电\"\n\
                [[item]]\nname = \"受影响考场\"\nvalue = 3\nsource = \"考点\"\n";
    let filed = district.pipes(&["report", "submit", "--file", "-", "-q"], file);
    assert_eq!(filed.code, 0, "{filed:?}");
    let shown = district.json(&["msg", "show", filed.out.trim()]);
    assert_eq!(shown["content"]["items"][0]["value"], 3, "{shown}");
}

fn an_attachment_arrives_whole(country: &Country) {
    let district = Officer::at(country, "420100", "张三");
    let hub = Officer::at(country, "000000", "赵一");
    let bytes: Vec<u8> = (0..700_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    let photo = country.path(&unit("420100"), "照片.jpg");
    std::fs::write(&photo, &bytes).unwrap();
    let number = submits(&district, "附照片", &["--attach", photo.to_str().unwrap(), "--release-files", "定密责任人"]);
    let digest = until(|| {
        let shown = hub.types(&["msg", "show", &number, "--json"]);
        let view: Value = serde_json::from_str(&shown.out).ok()?;
        let file = &view["attachments"][0];
        (file["held"] == file["length"]).then(|| file["digest"].as_str().map(str::to_owned))?
    });
    let back = country.path(&unit("000000"), "back.jpg");
    let got = hub.types(&["attachment", "get", &digest, "-o", back.to_str().unwrap()]);
    assert!(got.code == 0 && got.err.contains("摘要相符"), "{got:?}");
    assert!(std::fs::read(&back).unwrap() == bytes, "the file that came is another");
    let over = hub.types(&["attachment", "get", &digest, "-o", back.to_str().unwrap()]);
    assert!(over.code == 1 && Path::exists(&back), "a file is never overwritten: {over:?}");
}

fn a_directive_is_followed_until_all_have_signed(country: &Country) {
    let hub = Officer::at(country, "000000", "赵一");
    let issue = ["directive", "issue", "--exercise", "--to", "湖北,武汉", "--info", "福建", "--title", "启用备用试卷"];
    let issued = hub.types(&[&issue[..], &["-m", "即刻启用", "--wait=signed", "--timeout", "1s"]].concat());
    assert_eq!(issued.code, 5, "{issued:?}");
    let number = issued.out.split_whitespace().nth(1).unwrap().to_owned();
    assert!(issued.out.contains("省级") && issued.out.contains("考区"), "{}", issued.out);
    assert!(issued.err.contains(&format!("ministry-hub directive status {number} --wait")), "{}", issued.err);
    let behind = hub.types(&["directive", "status", &number, "--unsigned"]).out;
    assert!(behind.contains("湖北") && behind.contains("武汉") && !behind.contains("福建"), "{behind}");

    for (station, name) in [("420000", "王五"), ("420100", "张三")] {
        let officer = Officer::at(country, station, name);
        until(|| (officer.types(&["directive", "show", &number]).code == 0).then_some(()));
        let early = officer.types(&["directive", "undertake", &number]);
        assert!(early.code == 6 && early.err.starts_with("拒绝(6): 请先签收"), "{early:?}");
        assert_eq!(officer.types(&["directive", "sign", &number]).code, 0);
    }
    let all = hub.types(&["directive", "status", &number, "--wait", "--timeout", "20s"]);
    assert_eq!(all.code, 0, "{all:?}");
    assert!(all.out.contains("1/1 签收") && !all.out.contains("未签收"), "{}", all.out);
    let cancelled = hub.types(&["directive", "cancel", &number, "--reason", "误发"]);
    assert!(cancelled.code == 2 && cancelled.err.contains("--yes"), "{cancelled:?}");
    assert_eq!(hub.types(&["directive", "cancel", &number, "--reason", "误发", "--yes"]).code, 0);
}

/// Asks again until there is an answer; half a minute is long enough for anything here.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..300 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("not within half a minute");
}
