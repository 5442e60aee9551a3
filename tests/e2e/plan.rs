//! The plan's duties, done from the command line of three real tiers: what is owed, to whom, by when, and what closes it.

use serde_json::Value;
use tests::{
    country::{Country, eventually, small},
    officer::Officer,
};

struct Offices {
    district: Officer,
    province: Officer,
    ministry: Officer,
}

impl Offices {
    fn of(country: &Country) -> Self {
        Self {
            district: Officer::at(country, "420100", "张三"),
            province: Officer::at(country, "420000", "王五"),
            ministry: Officer::at(country, "000000", "赵一"),
        }
    }

    fn reports(&self, reality: &str, category: &str, more: &[&str]) -> String {
        let line = ["report", "submit", reality, "--category", category, "--occurred", "00:00", "--place", "第三考点"];
        files(&self.district, &[&line, more, &["-m", "启封时发现少一袋"]].concat())
    }
}

/// Files something and returns its number.
fn files(officer: &Officer, line: &[&str]) -> String {
    let said = officer.types(&[line, &["-q"]].concat());
    assert_eq!(said.code, 0, "{line:?}: {said:?}");
    said.out.trim().to_owned()
}

/// What is owed because of an incident, as one office sees it.
fn owed(officer: &Officer, incident: &str) -> Vec<Value> {
    officer.json(&["obligation", "ls", "--incident", incident, "--all"])["obligations"].as_array().unwrap().clone()
}

/// The duty of an office to do this, to those or about that.
fn duty(owed: &[Value], owner: &str, what: &str, about: &str) -> Value {
    let fits = |one: &&Value| {
        let about_it = about.is_empty() || one["to"] == about || one["item"] == about;
        one["owner"] == owner && one["what"] == what && about_it && one["written"] == false
    };
    owed.iter().find(fits).unwrap_or_else(|| panic!("{owner} owes no {what} {about}: {owed:#?}")).clone()
}

async fn until(officer: &Officer, incident: &str, owner: &str, what: &str, by: &str) -> Value {
    eventually(&format!("{what} of {owner} is closed by {by}"), async || {
        let said = officer.types(&["obligation", "ls", "--incident", incident, "--all", "--json"]);
        let all: Value = serde_json::from_str(&said.out).ok()?;
        let all = all["obligations"].as_array()?.clone();
        all.into_iter().find(|one| one["owner"] == owner && one["what"] == what && one["met_by"] == by)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_demands_is_owed_done_and_proved_from_the_command_line() {
    let country = Country::start(&small()).await;
    let offices = Offices::of(&country);
    papers_are_missing(&offices).await;
    the_desk_is_kept_and_handed_over(&offices);
    nobody_is_told_of_an_exercise(&offices);
    the_leading_group_decides_what_only_it_may(&offices).await;
    people_are_sent_and_arrive(&offices).await;
    candidates_are_told_what_changes(&offices).await;
    new_rules_reach_everybody_and_judge_nothing_old(&offices).await;
    everybody_says_whether_he_is_ready_for_the_exam(&offices).await;
    it_is_known_whom_to_call_and_what_may_come(&offices).await;
}

async fn it_is_known_whom_to_call_and_what_may_come(offices: &Offices) {
    let Offices { district, province, ministry } = offices;
    let turn = "10m ago|+8h|张三|李带班|027-87651234";
    let said = district.types(&["roster", "submit", "--actual", "--turn", "10m ago|+8h|张三|李带班"]);
    assert!(said.code == 2 && said.err.contains("电话"), "{said:?}");
    let roster = files(district, &["roster", "submit", "--actual", "--turn", turn]);
    let seen = eventually("the ministry knows whose turn it is", async || {
        let view: Value = serde_json::from_str(&ministry.types(&["roster", "ls", "--json"]).out).ok()?;
        let unit = view["units"].as_array()?.iter().find(|unit| unit["number"] == roster.as_str())?.clone();
        Some(unit)
    })
    .await;
    assert_eq!((&seen["unit"], &seen["turn"]["phone"]), (&"420100".into(), &"027-87651234".into()));
    assert!(!seen["open"].as_array().unwrap().is_empty(), "eight hours are no exam: {seen:#}");
    let text = province.types(&["roster", "ls", "--open"]).out;
    assert!(text.contains("027-87651234") && text.contains("未报值班表"), "{text}");
    let line = ["warning", "issue", "--actual", "--hazard", "暴雨", "--level", "橙色", "--issuer", "省气象台"];
    let line = [&line[..], &["--area", "武汉", "--until", "+12h", "--to", "武汉", "-m", "今夜到明晨有暴雨"]].concat();
    let warning = files(province, &line);
    for office in [district, ministry] {
        eventually("the warning is there", async || {
            let said = office.types(&["msg", "show", &warning, "--json"]);
            let view: Value = serde_json::from_str(&said.out).ok()?;
            (view["content"]["level"] == "orange" && view["expires_at"].is_string()).then_some(())
        })
        .await;
    }
}

async fn people_are_sent_and_arrive(offices: &Offices) {
    let Offices { district, province, .. } = offices;
    let incident = offices.reports("--actual", "试卷安全", &[]);
    until_owed(province, &incident, "deploy").await;
    let order = ["directive", "issue", "--actual", "--to", "420100", "--for", &incident, "--order", "派员"];
    let order =
        [&order[..], &["--title", "派员协助查处", "-m", "请配合。", "--person", "李处(省厅)", "--person"]].concat();
    let order =
        [&order[..], &["周处(省国家保密局)", "--mandate", "协助查处", "--contact", "李处 13900000000"]].concat();
    let said = province.types(&order);
    assert!(said.code == 2 && said.err.contains("eta"), "when do they come? {said:?}");
    let sent = files(province, &[&order[..], &["--eta", "+2h"]].concat());
    until(province, &incident, "420000", "deploy", &sent).await;
    eventually("the district signs for those who come", async || {
        (district.types(&["directive", "sign", &sent]).code == 0).then_some(())
    })
    .await;
    assert_eq!(district.types(&["directive", "done", &sent, "-m", "10:20 到达"]).code, 0);
    eventually("the province hears that they have arrived", async || {
        let shown: Value = serde_json::from_str(&province.types(&["directive", "show", &sent, "--json"]).out).ok()?;
        let stages = shown["recipients"][0]["stages"].as_array()?.clone();
        let arrived = |stage: &Value| stage["stage"] == "completed" && stage["officer"] == "张三";
        stages.iter().any(|stage| arrived(stage) && stage["note"] == "10:20 到达").then_some(())
    })
    .await;
    let shown = district.types(&["directive", "show", &sent]);
    assert!(shown.out.contains("周处(省国家保密局)") && shown.out.contains("派员"), "{shown:?}");
}

async fn candidates_are_told_what_changes(offices: &Offices) {
    let Offices { district, ministry, .. } = offices;
    let incident = offices.reports("--actual", "自然灾害", &[]);
    eventually("the ministry has the report", async || {
        (ministry.types(&["incident", "show", &incident]).code == 0).then_some(())
    })
    .await;
    let notice =
        ["--subject", "告知考生", "--to", "420100", "--title", "试卷四延期", "--basis", "三(四)", "-m", "延期一小时。"];
    let whom = ["--audience", "武汉考区试卷四考生", "--channel", "短信", "--channel", "考点广播"];
    let propose = [&["decision", "propose"][..], &notice, &whom].concat();
    let said = ministry.types(&[&propose[..], &["--exercise"]].concat());
    assert!(said.code == 6 && said.err.contains("演练不对外发布"), "{said:?}");
    let proposal = files(ministry, &[&propose[..], &["--actual", "--for", &incident]].concat());
    let said = ministry.types(&["decision", "release", &proposal, "--officer", "组长"]);
    assert_eq!(said.code, 6, "nobody has agreed to it: {said:?}");
    for member in ["组长", "副组长"] {
        files(ministry, &["decision", "vote", &proposal, "--agree", "--officer", member]);
    }
    let released = files(ministry, &["decision", "release", &proposal, "--officer", "组长"]);
    until_owed(district, &incident, "publish").await;
    assert_eq!(district.types(&["decision", "sign", &released]).code, 0);
    let said = district.types(&["decision", "done", &released, "-m", "短信 12034 条,10:20 广播"]);
    assert_eq!(said.code, 0, "{said:?}");
    let told = until(ministry, &incident, "420100", "publish", "张三").await;
    assert_eq!((&told["verdict"], &told["because"]), (&"done".into(), &released.as_str().into()));
    // For the systems that warn the public: the same words.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("notice.xml");
    let cap = |number: &str| ministry.types(&["decision", "cap", number, "-o", file.to_str().unwrap()]);
    assert_eq!(cap(&released).code, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    for words in ["urn:oasis:names:tc:emergency:cap:1.2", "延期一小时。", "武汉考区试卷四考生", ">Actual<", "考点广播"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(cap(&proposal).code, 6, "what nobody released is told to nobody");
}

/// Until an office owes something of this sort because of an incident.
async fn until_owed(officer: &Officer, incident: &str, what: &str) {
    eventually(&format!("{what} is owed"), async || {
        let said = officer.types(&["obligation", "ls", "--incident", incident, "--all", "--json"]);
        let all: Value = serde_json::from_str(&said.out).ok()?;
        all["obligations"].as_array()?.iter().any(|one| one["what"] == what).then_some(())
    })
    .await;
}

async fn everybody_says_whether_he_is_ready_for_the_exam(offices: &Offices) {
    let Offices { district, province, ministry } = offices;
    let said = district.types(&["readiness", "submit", "--actual", "--not-yet", "drill"]);
    assert!(said.code == 2 && said.err.contains("原因"), "{said:?}");
    let said = district.types(&["readiness", "submit", "--actual", "--done", "systems"]);
    assert!(said.code == 2 && said.err.contains("facilities"), "not a district's, and it is told what is: {said:?}");
    let own = district.json(&["readiness", "ls"])["units"][0].clone();
    let codes: Vec<_> = own["points"].as_array().unwrap().iter().map(|point| point["code"].as_str().unwrap()).collect();
    // What the machine finds out goes along by itself, and nobody says it for it.
    let machine = ["certificates", "clock", "disk"];
    assert!(machine.iter().all(|point| codes.contains(point)), "{own}");
    let said = district.types(&["readiness", "submit", "--actual", "--done", "disk"]);
    assert!(said.code == 6 && said.err.contains("disk"), "{said:?}");
    let codes: Vec<_> = codes.into_iter().filter(|code| !machine.contains(code)).collect();
    let (drill, rest): (Vec<&str>, Vec<&str>) = codes.iter().partition(|code| **code == "drill");
    assert_eq!(drill.len(), 1, "{own}");
    let most =
        files(district, &["readiness", "submit", "--actual", "--done", &rest.join(","), "--not-yet", "drill=后天"]);
    let seen = async |office: &Officer, number: &str| {
        eventually("what the district said is there", async || {
            let said = office.types(&["readiness", "ls", "--json", "--unit", "武汉"]);
            let board: Value = serde_json::from_str(&said.out).ok()?;
            let unit = board["units"][0].clone();
            let drill = unit["points"].as_array()?.iter().find(|point| point["code"] == "drill")?.clone();
            (drill["number"] == number).then_some((unit["ready"].clone(), drill))
        })
        .await
    };
    let (ready, drill) = seen(ministry, &most).await;
    assert_eq!((ready, &drill["state"], &drill["note"]), (false.into(), &"not-yet".into(), &"后天".into()));
    let last = files(district, &["readiness", "submit", "--actual", "--done", "drill"]);
    for office in [province, ministry] {
        assert_eq!(seen(office, &last).await.0, true, "the last point was the last word");
    }
    let said = ministry.types(&["readiness", "ls", "--open"]);
    assert!(!said.out.contains("武汉") && said.out.contains("宜昌") && said.out.contains("1 个就绪"), "{said:?}");
    let said = district.types(&["readiness", "ls", "--unit", "420000"]);
    assert_eq!(said.code, 2, "nobody looks over those above: {said:?}");
}

async fn papers_are_missing(offices: &Offices) {
    let Offices { district, province, ministry } = offices;
    let number = offices.reports("--actual", "试卷安全", &["--item", "丢失试卷袋=1", "--grade", "ii"]);
    let mine = owed(district, &number);
    for (what, about) in [("tell", "secrecy"), ("tell", "public-security"), ("tell", "party-gov"), ("state", "spread")]
    {
        let one = duty(&mine, "420100", what, about);
        assert_eq!((&one["met_at"], &one["policy"]), (&Value::Null, &Value::from("2014-proposal-4")), "{one}");
        assert!(one["source"].as_str().unwrap().contains("建议值"), "{one}");
    }

    // The police: a call without their number for it proves nothing.
    let told = ["notice", "add", &number, "--to", "公安", "--body", "武汉市公安局", "--contact", "李警官"];
    let said = district.types(&told);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("reference"), "{said:?}");
    let notice = files(district, &[&told[..], &["--reference", "110-20140919-77"]].concat());
    assert!(notice.starts_with("N-420100-"), "{notice}");
    let letter = ["notice", "add", &number, "--to", "保密", "--body", "武汉市国家保密局", "--contact", "周处"];
    let letter = [&letter[..], &["--manner", "书面", "--reference", "武司密〔2014〕3号"]].concat();
    let said = district.types(&letter);
    assert!(said.code == 2 && said.err.contains("matter、discovery、responsible"), "the law's seven things: {said:?}");
    let seven = ["--matter", "试卷一袋", "--discovery", "启封清点", "--responsible", "未明", "--course", "运送途中"];
    let seven = [&seven[..], &["--harm", "可能泄露", "--investigation", "已立案", "--remedy", "启用备用卷"]].concat();
    let letter = files(district, &[letter, seven].concat());

    // The province endorses; the report itself stays as it was written.
    let endorsed = eventually("the province has the report", async || {
        let said = province.types(&[
            "endorse",
            &number,
            "--verified",
            "属实",
            "--recommend",
            "启用备用卷",
            "--leader",
            "李六",
            "--grade",
            "i",
            "-q",
        ]);
        (said.code == 0).then(|| said.out.trim().to_owned())
    })
    .await;
    let said = province.types(&["endorse", &endorsed, "--verified", "属实", "--leader", "李六"]);
    assert_eq!(said.code, 2, "an endorsement is not a report: {said:?}");

    // The ministry answers, and sees all of it: who told whom, under which number.
    until(ministry, &number, "420000", "endorse", &endorsed).await;
    let order = files(
        ministry,
        &[
            "directive",
            "issue",
            "--actual",
            "--to",
            "420100",
            "--for",
            &number,
            "--title",
            "启用备用卷",
            "-m",
            "立即启用。",
        ],
    );
    let instructed = until(province, &number, "000000", "instruct", &order).await;
    assert_eq!(instructed["verdict"], "done");
    let seen = owed(ministry, &number);
    assert_eq!(duty(&seen, "420100", "tell", "public-security")["met_by"], Value::from(notice.clone()));
    let written = seen.iter().find(|one| one["written"] == true).unwrap();
    assert_eq!((&written["met_by"], written["row"].as_str()), (&Value::from(letter), Some("4.1d")));
    let shown = ministry.json(&["msg", "show", &notice]);
    assert_eq!(shown["content"]["reference"], "110-20140919-77");
    assert_eq!(shown["content"]["officer"], "张三");

    // Over, and judged by each level; then nobody is reminded any more.
    let said = district.types(&["assess", &number, "--harm", "轻", "--handling", "及时", "--effect", "平稳"]);
    assert_eq!(said.code, 6, "not while it goes on: {said:?}");
    files(district, &["report", "final", &number, "-m", "已处置完毕"]);
    let open = |officer: &Officer| officer.types(&["obligation", "ls"]).out;
    assert!(open(district).contains(&number) && open(district).contains("评估"), "{}", open(district));
    files(district, &["assess", &number, "--harm", "轻", "--handling", "及时", "--effect", "平稳"]);
    assert!(!open(district).contains(&number), "{}", open(district));
    let said = ministry.types(&["obligation", "ls", "--lang", "en"]);
    assert!(said.code == 0 && said.out.contains(&number), "the ministry has not judged it yet: {said:?}");
}

fn nobody_is_told_of_an_exercise(offices: &Offices) {
    let number = offices.reports("--exercise", "试卷安全", &[]);
    let all = owed(&offices.district, &number);
    assert!(all.iter().all(|one| one["what"] != "tell") && !all.is_empty(), "{all:#?}");
    let told = ["notice", "add", &number, "--to", "公安", "--body", "局", "--contact", "李", "--reference", "1"];
    let said = offices.district.types(&told);
    assert!(said.code == 6 && said.err.contains("演练"), "{said:?}");
}

async fn new_rules_reach_everybody_and_judge_nothing_old(offices: &Offices) {
    let Offices { district, ministry, .. } = offices;
    let old = offices.reports("--actual", "自然灾害", &[]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("policy.toml");
    let text = district.types(&["policy", "show"]).out;
    let text = text.replace("2014-proposal-4", "2014-2").replace("confirmed = false", "confirmed = true");
    let now = ministry.json(&["status"])["at"].as_str().unwrap().to_owned();
    let hour = format!("\n[[nil]]\nname = \"此刻\"\nat = {now}\ngrace = \"15m\"\ntiers = [\"district\"]\n");
    // An exam that is still to come.
    let text = [19, 20, 21].iter().fold(text, |text, day| {
        let then = time::OffsetDateTime::now_utc().date() + time::Duration::days(day - 10);
        text.replace(&format!("2014-09-{day}"), &then.to_string())
    });
    std::fs::write(&file, text.replace("district = \"15m\"", "district = \"3m\"") + &hour).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(ministry.types(&["policy", "check", path]).code, 0);
    let release = ["policy", "release", path, "--actual", "--reference", "司办通〔2014〕35号", "--leader"];
    let said = ministry.types(&[&release[..], &["赵一"]].concat());
    assert_eq!(said.code, 6, "nobody signs off what he drafted: {said:?}");
    let released = files(ministry, &[&release[..], &["郝部长"]].concat());
    let said = ministry.types(&[&release[..], &["郝部长"]].concat());
    assert_eq!(said.code, 6, "a version is used once: {said:?}");
    eventually("the new rules are in force at the district", async || {
        let said = district.types(&["policy", "ls", "--json"]);
        let all: Value = serde_json::from_str(&said.out).ok()?;
        let newest = all["versions"][0].clone();
        (newest["version"] == "2014-2" && newest["in_force"] == true && newest["number"] == released.as_str())
            .then_some(())
    })
    .await;
    assert_eq!(district.types(&["directive", "sign", &released]).code, 0, "it is signed for like any other");
    let new = offices.reports("--actual", "自然灾害", &[]);
    let judged = |number: &str| duty(&owed(district, number), "420100", "report", "")["policy"].clone();
    assert_eq!((judged(&old), judged(&new)), ("2014-proposal-4".into(), "2014-2".into()));
    // Nothing has happened, and that is said.
    let nil = files(district, &["nil", "submit", "--actual"]);
    eventually("the nil report is at the ministry", async || {
        let board: Value = serde_json::from_str(&ministry.types(&["nil", "ls", "--json"]).out).ok()?;
        let units = board["units"].as_array()?;
        assert_eq!((board["slot"].as_str(), units.len()), (Some("此刻"), 4));
        let one = units.iter().find(|unit| unit["unit"] == "420100")?;
        (one["state"] == "received" && one["number"] == nil.as_str() && one["officer"] == "张三").then_some(())
    })
    .await;
    // A mistake is told with its place.
    std::fs::write(&file, "version = \"3\"\nwhat = 1\n").unwrap();
    let said = ministry.types(&["policy", "check", path]);
    assert!(said.code == 6 && said.err.contains("line 2"), "{said:?}");
}

async fn the_leading_group_decides_what_only_it_may(offices: &Offices) {
    let Offices { district, ministry, .. } = offices;
    let ask = ["request", "submit", "--exercise", "--subject", "中止考试", "--ask", "中止第三考点考试"];
    let asked = files(district, &ask);
    let approve = ["request", "approve", &asked, "-m", "同意"];
    let said = eventually("the request is at the ministry", async || {
        let said = ministry.types(&approve);
        (!said.err.contains("没有找到") && said.code != 1).then_some(said)
    })
    .await;
    assert!(said.code == 6 && said.err.contains("decision propose"), "{said:?}");
    let propose = ["decision", "propose", "--exercise", "--subject", "中止", "--to", "420100", "--title", "中止决定"];
    let proposal = files(ministry, &[&propose[..], &["--basis", "司发〔2008〕11号", "-m", "中止考试。"]].concat());
    for member in ["组长", "副组长"] {
        files(ministry, &["decision", "vote", &proposal, "--agree", "--officer", member]);
    }
    let said = ministry.types(&["decision", "release", &proposal]);
    assert!(said.code == 6 && said.err.contains("拟稿"), "赵一 drafted it: {said:?}");
    let decision = files(ministry, &["decision", "release", &proposal, "--officer", "组长"]);
    files(ministry, &[&approve[..], &["--decision", &decision]].concat());
    eventually("the district signs for the decision", async || {
        (district.types(&["decision", "sign", &decision]).code == 0).then_some(())
    })
    .await;
    let said = ministry.types(&["decision", "status", &decision, "--wait=signed", "--timeout", "30s"]);
    assert!(said.code == 0 && said.out.contains("签收"), "{said:?}");
    let shown = district.json(&["decision", "show", &decision]);
    let votes: Vec<_> = shown["content"]["votes"].as_array().unwrap().iter().map(|vote| &vote["member"]).collect();
    assert_eq!(votes, ["副组长", "组长"], "who agreed travels with it: {shown}");
    let said = district.types(&["decision", "show", &proposal]);
    assert_ne!(said.code, 0, "what is drafted at the ministry stays there: {said:?}");
}

fn the_desk_is_kept_and_handed_over(offices: &Offices) {
    let Offices { province, ministry, .. } = offices;
    let said = province.types(&["shift", "note", "-m", "无"]);
    assert!(said.code == 6 && said.err.contains("shift start"), "{said:?}");
    files(province, &["shift", "start", "--leader", "李六"]);
    let call = ["shift", "phone", "--caller", "张三", "--unit", "武汉市司法局", "--title", "科长", "--phone", "027-1"];
    files(province, &[&call[..], &["-m", "考点外有人聚集"]].concat());
    let reports = province.json(&["inbox", "ls"]);
    let number = reports["items"][0]["number"].as_str().unwrap().to_owned();
    files(province, &["shift", "submit", &number, "--to", "厅长"]);
    files(province, &["shift", "read", &number, "--by", "厅长", "-m", "立即核实"]);
    files(province, &["shift", "handover", "--to", "赵六", "-m", "等候批复"]);
    let said = province.types(&["shift", "note", "-m", "无"]);
    assert!(said.code == 6 && said.err.contains("赵六"), "王五 has gone home: {said:?}");
    let shift = province.json(&["shift", "log"]);
    let matters: Vec<_> = shift["entries"].as_array().unwrap().iter().map(|entry| entry["matter"].as_str()).collect();
    let expected = ["shift", "phone", "submitted", "read", "hand-over"].map(Some);
    assert_eq!(
        (matters, &shift["officer"], &shift["pending"]),
        (expected.to_vec(), &"赵六".into(), &"等候批复".into())
    );
    assert_eq!(shift["entries"][2]["about_number"], number.as_str());
    let said = ministry.types(&["shift", "show"]);
    assert!(said.out.contains("无人在班"), "each station has a log of its own: {said:?}");
}
