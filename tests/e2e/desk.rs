//! The desk in the browser, without a browser: what it lets in, what each post may see and do, and that every sheet an
//! office fills in becomes a document. Nothing here runs a script, so all of it works for whoever has none.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use node::topology::Unit;
use proto::v1::Post;
use tests::{
    country::{COUNTRY, Country, eventually, unit},
    visitor::{Field, Form, Page, Visitor},
};

/// What would run if it were taken for markup, in every way a page could take it.
const NASTY: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

struct Desks {
    country: Country,
    seats: Vec<(Unit, std::net::SocketAddr)>,
}

impl Desks {
    /// The country with a desk at the ministry, at Hubei and at Wuhan, and a duty officer at each.
    async fn open() -> Self {
        let mut country = Country::lay(COUNTRY).await;
        let seats = ["000000", "420000", "420100"].map(unit).map(|unit| (unit.clone(), country.seat(&unit)));
        country.rise().await;
        for (unit, name) in seats.iter().map(|(unit, _)| unit).zip(["赵一", "王五", "张三"]) {
            country.enrol(unit, name, &[Post::DutyOfficer, Post::DutyLeader]).await;
        }
        Self { country, seats: seats.into() }
    }

    fn stranger(&self, at: &str) -> Visitor {
        let (unit, address) = self.seats.iter().find(|(unit, _)| unit.as_str() == at).unwrap();
        Visitor::at(*address, &self.country.path(unit, "identity"))
    }

    async fn visitor(&self, at: &str, name: &str) -> Visitor {
        let mut visitor = self.stranger(at);
        let page = visitor.logs_in(name).await;
        assert_eq!((page.code, page.leads_to()), (303, "/"), "{page:?}");
        visitor
    }
}

/// The number in an address a filed sheet leads to.
fn number(page: &Page) -> String {
    assert_eq!(page.code, 303, "{}", told(page));
    let to = page.leads_to();
    to.strip_prefix("/m/").and_then(|rest| rest.split('?').next()).unwrap_or_else(|| panic!("{to}")).to_owned()
}

/// What a page says is wrong.
fn told(page: &Page) -> String {
    page.body.split("role=\"alert\">").nth(1).map_or_else(|| page.body.clone(), |rest| rest.chars().take(400).collect())
}

async fn reports(visitor: &mut Visitor) -> String {
    let page = visitor.gets("/file/report").await;
    let form = page.form("/file/report");
    let form = form.with("status", "exercise").with("category", "room-order").with("occurred", "10m ago");
    let form = form.with("place", "第三考点/A-12").with("text", "考场外有人聚集").with("grade", "II");
    number(&form.sent(visitor).await)
}

#[tokio::test]
async fn a_report_is_filed_without_a_script_climbs_and_is_signed_for_by_name() {
    let desks = Desks::open().await;
    let mut district = desks.visitor("420100", "张三").await;
    let number = reports(&mut district).await;
    let mut ministry = desks.visitor("000000", "赵一").await;
    let page = format!("/m/{number}");
    let opened = eventually("it is at the ministry", async || {
        Some(ministry.clone().gets(&page).await).filter(|page| page.code == 200)
    })
    .await;
    assert!(opened.body.contains("考场外有人聚集") && opened.body.contains("第三考点/A-12"), "{}", opened.body);
    assert!(ministry.gets("/inbox").await.body.contains(&number));
    let signed = opened.form("/act/signed").sent(&mut ministry).await;
    assert_eq!(signed.leads_to(), format!("{page}?acted=signed"));
    // The name is the officer's who was logged in, whatever anybody typed.
    eventually("the district sees who signed", async || {
        district.clone().gets(&page).await.body.contains("赵一 签收").then_some(())
    })
    .await;
    let follows = district.gets(&format!("/file/follow-up?about={number}")).await;
    let form = follows.form("/file/follow-up").with("text", "已疏散").with("item-evacuated", "12");
    let second = self::number(&form.sent(&mut district).await);
    eventually("and what follows it", async || {
        ministry.clone().gets(&format!("/incident/{number}")).await.body.contains(&second).then_some(())
    })
    .await;
    for page in ["/print/", "/docx/", "/evidence/"] {
        let file = district.gets(&format!("{page}{number}")).await;
        assert_eq!(file.code, 200, "{page}: {}", told(&file));
        assert!(!file.body.is_empty());
    }
    assert_eq!(district.gets("/xlsx/ledger").await.code, 200);
}

#[tokio::test]
async fn a_file_goes_along_and_comes_out_as_it_went_in() {
    let desks = Desks::open().await;
    let mut district = desks.visitor("420100", "张三").await;
    let form = district.gets("/file/report").await.form("/file/report");
    let form = form.with("status", "exercise").with("category", "room-order").with("occurred", "10m ago");
    let form = form.with("place", "第三考点").with("text", "现场照片见附件");
    // More than what a form may have without a file.
    let content = "0123456789abcdef".repeat(3 << 16);
    let number = number(&district.attaches(&form, "现场 <b>.jpg", &content).await);
    let page = format!("/m/{number}");
    let mut ministry = desks.visitor("000000", "赵一").await;
    let link = eventually("the file is at the ministry", async || {
        let links = ministry.clone().gets(&page).await.links();
        links.into_iter().find(|link| link.starts_with("/attachment/"))
    })
    .await;
    let file = ministry.gets(&link).await;
    assert_eq!((file.code, file.body == content), (200, true));
    assert_eq!(file.headers["content-type"], "application/octet-stream", "it is never shown in the page");
    assert!(file.headers["content-disposition"].starts_with("attachment"));
    // Nobody writes to the disk without a form of ours.
    let stray = Form { fields: Vec::new(), ..form };
    assert_eq!(district.attaches(&stray, "x.jpg", "x").await.code, 403);
}

#[tokio::test]
async fn nobody_comes_in_who_was_not_let_in() {
    let desks = Desks::open().await;
    let mut stranger = desks.stranger("420100");
    for page in ["/", "/inbox", "/file/report", "/m/R-1", "/events?view=%2F", "/xlsx/ledger", "/no-such-page"] {
        let answer = stranger.gets(page).await;
        let away = answer.code == 303 && answer.leads_to().starts_with("/login?back=");
        assert!(away || page.starts_with("/events") && !answer.body.contains("event: part"), "{page}: {answer:?}");
    }
    assert_eq!(stranger.tries("张三", "wrong").await.code, 401);
    assert_eq!(stranger.tries("nobody", "wrong").await.code, 401);
    let mut officer = desks.visitor("420100", "张三").await;
    let form = officer.gets("/file/report").await.form("/file/report");

    // A cookie that was taken to another machine opens nothing.
    let mut thief = officer.moved_to(IpAddr::from([127, 0, 0, 2]));
    assert!(thief.gets("/inbox").await.leads_to().starts_with("/login"));

    // Another site, through the officer's own browser.
    let other = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")];
    assert_eq!(officer.sends("POST", "/file/report", &other, "text=x").await.code, 403);
    assert_eq!(officer.sends("POST", "/logout", &[], "").await.code, 403, "whoever does not say where from");

    // A form of nobody's, and a form of another place.
    assert_eq!(officer.posts("/file/report", &[("text", "x")]).await.code, 403);
    let token = form.fields.iter().find(|field| field.name == "_token").unwrap().value.clone();
    assert_eq!(officer.posts("/act/signed", &[("_token", &token), ("document", "x")]).await.code, 403);

    // The pages say what a browser may do with them.
    let page = officer.gets("/").await;
    let policy = &page.headers["content-security-policy"];
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(!page.body.contains("<style") && !page.body.contains(" style=") && !page.body.contains(" onclick="));

    // Who has left is gone, with whatever copy of the cookie there is.
    let mut copy = officer.clone();
    assert_eq!(page.form("/logout").sent(&mut officer).await.leads_to(), "/login");
    assert!(copy.gets("/inbox").await.leads_to().starts_with("/login"));
}

#[tokio::test]
async fn each_post_sees_its_own_pages_and_no_others() {
    let desks = Desks::open().await;
    let at = unit("420100");
    for (name, post) in [
        ("系统", Post::System),
        ("安全", Post::Security),
        ("审计", Post::Audit),
        ("大屏", Post::Wall),
        ("只读", Post::Reader),
    ] {
        desks.country.enrol(&at, name, &[post]).await;
    }
    let mut officer = desks.visitor("420100", "张三").await;
    let number = reports(&mut officer).await;
    let message = format!("/m/{number}");
    let pages =
        ["/", "/inbox", &message, "/file/report", "/board", "/ops/links", "/ops/store", "/admin/officers", "/audit"];
    let seen = [
        ("张三", "y y y y y n n n n"),
        ("只读", "y y y n y n n n n"),
        ("大屏", "y n n n y n n n n"),
        ("系统", "y n n n n y y n n"),
        ("安全", "y n n n n n n y n"),
        ("审计", "y n n n n n n n y"),
    ];
    for (name, may) in seen {
        let mut visitor = desks.visitor("420100", name).await;
        for (page, may) in pages.iter().zip(may.split(' ')) {
            let answer = visitor.gets(page).await;
            let expected = if may == "y" { 200 } else { 403 };
            assert_eq!(answer.code, expected, "{name} at {page}");
            let content = answer.body.contains("考场外有人聚集");
            assert!(!content || (["张三", "只读"].contains(&name) && may == "y"), "{name} reads content at {page}");
            // What is not allowed is not offered.
            for link in answer.links().iter().filter(|link| pages.contains(&link.as_str())) {
                let at = pages.iter().position(|page| page == link).unwrap();
                let may = seen.iter().find(|(who, _)| *who == name).unwrap().1.split(' ').nth(at).unwrap();
                assert_eq!(may, "y", "{name} is offered {link} at {page}");
            }
        }
    }
    // The auditor sees that it was done, and by whom, and not what it says.
    let mut auditor = desks.visitor("420100", "审计").await;
    let page = auditor.gets("/audit").await;
    assert!(page.body.contains(&number) && page.body.contains("张三"), "{}", page.body);
    // The security administrator closes an account, and whoever is in is out.
    let mut security = desks.visitor("420100", "安全").await;
    let form = security.gets("/admin/officers").await.form("/do/officer");
    let closed = form.with("name", "张三").with("account", "closed").sent(&mut security).await;
    assert_eq!(closed.leads_to(), "/admin/officers", "{}", told(&closed));
    assert!(officer.gets("/inbox").await.leads_to().starts_with("/login"));
}

/// Fills every field with something it takes; what takes a text gets markup.
fn filled(form: Form) -> Form {
    let fields = form.fields.into_iter().map(|field| {
        let first = field.choices.iter().find(|choice| !choice.is_empty()).cloned();
        let value = match (field.kind.as_str(), field.name.as_str()) {
            ("hidden", _) => field.value,
            ("radio" | "select" | "checkbox", "status") => "exercise".into(),
            ("select", _) if !field.required => field.value,
            ("radio" | "select" | "checkbox", _) => first.unwrap_or_default(),
            (_, "occurred" | "at") => "10m ago".into(),
            (_, "needed_by" | "reply_by" | "until") => "+1h".into(),
            (_, "commended") => format!("张三={NASTY}"),
            (_, "turns") => "09:00|+8h|<b>张三</b>|李四|027-1".into(),
            // Only what has to be filled in; the rest has rules of its own.
            _ if field.required => NASTY.into(),
            _ => field.value,
        };
        Field { value, ..field }
    });
    Form { fields: fields.collect(), ..form }
}

#[tokio::test]
async fn every_sheet_becomes_a_document_and_what_is_written_stays_text() {
    let desks = Desks::open().await;
    let mut district = desks.visitor("420100", "张三").await;
    let mut province = desks.visitor("420000", "王五").await;
    let mut ministry = desks.visitor("000000", "赵一").await;
    let mut done = BTreeSet::new();
    let first = reports(&mut district).await;
    let other = reports(&mut district).await;
    let message = format!("/m/{other}");
    eventually("both are at the ministry", async || (ministry.clone().gets(&message).await.code == 200).then_some(()))
        .await;
    let mut fill = async |visitor: &mut Visitor, sheet: &str, about: &str, more: &[(&str, &str)]| {
        let about = if about.is_empty() { String::new() } else { format!("?about={about}") };
        let page = visitor.gets(&format!("/file/{sheet}{about}")).await;
        assert_eq!(page.code, 200, "{sheet}: {}", told(&page));
        let form = more
            .iter()
            .fold(filled(page.form(&format!("/file/{sheet}"))), |form, (name, value)| form.with(name, value));
        let sent = form.sent(visitor).await;
        assert_eq!(sent.code, 303, "{sheet}: {}", told(&sent));
        done.insert(sheet.to_owned());
        let shown = visitor.gets(sent.leads_to()).await;
        assert_eq!(shown.code, 200, "{sheet}: {}", told(&shown));
        for bad in ["<script>alert", "<img src=x", "<b>张三"] {
            assert!(!shown.body.contains(bad), "{sheet} shows markup: {bad}");
        }
        sent.leads_to().strip_prefix("/m/").and_then(|rest| rest.split('?').next()).unwrap_or_default().to_owned()
    };
    // The district.
    fill(&mut district, "shift", "", &[]).await;
    let report = fill(&mut district, "report", "", &[]).await;
    fill(&mut district, "follow-up", &first, &[]).await;
    fill(&mut district, "correct", &first, &[("place", NASTY)]).await;
    let request = fill(&mut district, "request", &first, &[]).await;
    fill(&mut district, "note", "", &[]).await;
    fill(&mut district, "phone", &first, &[("text", NASTY)]).await;
    fill(&mut district, "submitted", &first, &[]).await;
    fill(&mut district, "read", &first, &[("text", NASTY)]).await;
    fill(&mut district, "meeting", &first, &[]).await;
    fill(&mut district, "decline", &first, &[]).await;
    fill(&mut district, "link", &first, &[("other", &other)]).await;
    fill(&mut district, "unlink", &first, &[("other", &other)]).await;
    fill(&mut district, "roster", "", &[]).await;
    fill(&mut district, "warning", "", &[]).await;
    fill(&mut district, "prepare", "", &[]).await;
    // The province.
    fill(&mut province, "endorse", &first, &[]).await;
    fill(&mut province, "bulletin", "", &[("quotes", &format!("{first}\n{other}"))]).await;
    let directive = fill(&mut province, "directive", &first, &[("to", "420100")]).await;
    fill(&mut province, "urge", &first, &[("to", "420100")]).await;
    fill(&mut province, "cancel", &directive, &[]).await;
    fill(&mut province, "lead", &first, &[("to", "420000")]).await;
    fill(&mut province, "final", &first, &[]).await;
    fill(&mut province, "assess", &first, &[]).await;
    let drill = fill(&mut province, "drill-start", "", &[("to", "420100")]).await;
    fill(&mut province, "drill-stop", &drill, &[]).await;
    // The ministry.
    let asked = format!("/m/{request}");
    eventually("the question is at the ministry", async || {
        (ministry.clone().gets(&asked).await.code == 200).then_some(())
    })
    .await;
    fill(&mut ministry, "deny", &request, &[]).await;
    let proposal = fill(&mut ministry, "propose", "", &[("to", "420100"), ("subject", "other")]).await;
    desks.country.enrol(&unit("000000"), "组长", &[Post::LeadingGroup]).await;
    let mut member = desks.visitor("000000", "组长").await;
    fill(&mut member, "vote", &proposal, &[("agrees", "yes")]).await;
    // Searched for, listed, exported: still text.
    for visitor in [&mut district, &mut province, &mut ministry] {
        for page in [
            "/",
            "/board",
            "/inbox",
            "/sent",
            "/decisions",
            "/shift",
            "/roster",
            "/duties",
            "/search?q=script",
            "/warnings",
            "/bulletins",
        ] {
            let shown = visitor.gets(page).await;
            assert_eq!(shown.code, 200, "{page}: {}", told(&shown));
            assert!(!shown.body.contains("<script>alert") && !shown.body.contains("<img src=x"), "{page}");
        }
    }
    assert!(ministry.gets(&format!("/m/{report}")).await.body.contains("&#60;script&#62;alert(1)"));
    // Those that have rules a form of markup cannot meet are in the next test.
    let known = ["approve", "bypass", "handover", "nil", "notice", "policy", "release"].map(str::to_owned);
    let mut all = BTreeSet::new();
    for visitor in [&mut district, &mut province, &mut ministry] {
        for page in [
            "/",
            "/more",
            "/shift",
            &format!("/m/{first}"),
            &format!("/incident/{first}"),
            &asked,
            &format!("/m/{proposal}"),
        ] {
            let links = visitor.gets(page).await.links();
            let sheets = links.iter().filter_map(|link| link.strip_prefix("/file/")?.split('?').next());
            all.extend(sheets.map(str::to_owned));
        }
    }
    let untried: Vec<_> = all.iter().filter(|sheet| !done.contains(*sheet) && !known.contains(sheet)).collect();
    assert!(untried.is_empty(), "no test fills in {untried:?}");
}

/// Sends a sheet with only this filled in; what it leads to.
async fn writes(visitor: &mut Visitor, sheet: &str, about: &str, more: &[(&str, &str)]) -> String {
    let about = if about.is_empty() { String::new() } else { format!("?about={about}") };
    let page = visitor.gets(&format!("/file/{sheet}{about}")).await;
    assert_eq!(page.code, 200, "{sheet}: {}", told(&page));
    let form = page.form(&format!("/file/{sheet}"));
    let sent = more.iter().fold(form, |form, (name, value)| form.with(name, value)).sent(visitor).await;
    assert_eq!(sent.code, 303, "{sheet}: {}", told(&sent));
    let to = sent.leads_to();
    to.strip_prefix("/m/").and_then(|rest| rest.split('?').next()).unwrap_or(to).to_owned()
}

/// Something real, a vote, an hour, rules, a dead line.
#[tokio::test]
async fn what_has_rules_of_its_own_is_done_at_the_desk_as_well() {
    let desks = Desks::open().await;
    let mut district = desks.visitor("420100", "张三").await;
    let mut ministry = desks.visitor("000000", "赵一").await;
    let five = [
        ("status", "actual"),
        ("category", "room-order"),
        ("occurred", "10m ago"),
        ("place", "第三考点"),
        ("text", "聚集"),
    ];
    let report = writes(&mut district, "report", "", &five).await;
    let told = [("to", "public-security"), ("body", "武汉市公安局"), ("contact", "李警官"), ("reference", "110-77")];
    let notice = writes(&mut district, "notice", &report, &told).await;
    let shown = district.gets(&format!("/m/{notice}")).await;
    assert!(shown.body.contains("李警官") && shown.body.contains("110-77"), "{}", shown.body);

    // 平安报: the hours are the policy's; whichever it names first is refused or taken by its own rule, with a reason.
    let nil = district.gets("/file/nil").await.form("/file/nil");
    let slot = nil.fields.iter().find(|field| field.name == "slot").unwrap().choices[0].clone();
    let sent = nil.with("status", "exercise").with("slot", &slot).sent(&mut district).await;
    assert!(sent.code == 303 || self::told(&sent).contains("平安报") || sent.code == 422, "{}", self::told(&sent));

    // 请示, decided together, 批复 resting on it.
    let request = writes(&mut district, "request", &report, &[("ask", "拟中止第三考场"), ("subject", "suspend")]).await;
    let asked = format!("/m/{request}");
    eventually("the question is at the ministry", async || {
        (ministry.clone().gets(&asked).await.code == 200).then_some(())
    })
    .await;
    let decision = [
        ("subject", "suspend"),
        ("to", "420100"),
        ("title", "中止第三考场考试"),
        ("text", "同意中止"),
        ("basis", "预案第四部分"),
    ];
    let proposal = writes(&mut ministry, "propose", &request, &decision).await;
    for name in ["组长甲", "副组长乙"] {
        desks.country.enrol(&unit("000000"), name, &[Post::LeadingGroup]).await;
        let mut member = desks.visitor("000000", name).await;
        writes(&mut member, "vote", &proposal, &[("agrees", "yes")]).await;
    }
    // Whoever drafted it does not release it.
    let own = ministry.gets(&format!("/file/release?about={proposal}")).await.form("/file/release");
    assert_eq!(own.sent(&mut ministry).await.code, 422);
    desks.country.enrol(&unit("000000"), "李带班", &[Post::DutyLeader]).await;
    let mut leader = desks.visitor("000000", "李带班").await;
    let released = writes(&mut leader, "release", &proposal, &[]).await;
    let approval = writes(&mut ministry, "approve", &request, &[("text", "同意"), ("decision", &released)]).await;
    let page = format!("/m/{released}");
    eventually("the district has the decision and its answer", async || {
        let mut visitor = district.clone();
        let both = [visitor.gets(&page).await.code, visitor.gets(&format!("/m/{approval}")).await.code];
        (both == [200, 200]).then_some(())
    })
    .await;

    // A version of the policy, released at the desk, is in force at the district.
    let policy = ministry.gets("/policy").await;
    assert_eq!(policy.code, 200);
    let text = include_str!("../../deploy/policy/2014.toml").replacen("2014-proposal-4", "2014-desk", 1);
    let rules = [("status", "actual"), ("reference", "司发〔2026〕1号"), ("leader", "李带班"), ("text", text.as_str())];
    writes(&mut ministry, "policy", "", &rules).await;
    eventually("it is in force below", async || {
        district.clone().gets("/policy").await.body.contains("2014-desk").then_some(())
    })
    .await;

    // The line is down: past the province.
    desks.country.cut(&unit("420100"));
    eventually("the desk says that the line is down", async || {
        district.clone().gets("/").await.body.contains("line-note").then_some(())
    })
    .await;
    let second = writes(&mut district, "report", "", &five).await;
    let bypass = writes(&mut district, "bypass", &second, &[("reason", "省厅联系不上")]).await;
    eventually("the ministry has it all the same", async || {
        let mut visitor = ministry.clone();
        (visitor.gets(&format!("/m/{bypass}")).await.code == 200).then_some(())
    })
    .await;

    // The desk is handed over, and whoever handed it over has left it.
    writes(&mut district, "shift", "", &[("leader", "李四")]).await;
    writes(&mut district, "handover", "", &[("to", "孙六"), ("text", "无")]).await;
    assert!(district.gets("/").await.leads_to().starts_with("/login"));
}

#[tokio::test]
async fn a_cut_line_is_seen_within_three_seconds_and_so_is_what_comes() {
    let desks = Desks::open().await;
    let mut ministry = desks.visitor("000000", "赵一").await;
    assert!(!ministry.gets("/board").await.body.contains("tile gone"));
    let watching = ministry.clone();
    let heard = tokio::spawn(async move {
        let gone = |heard: &str| heard.contains("tile gone") && heard.contains("失联");
        watching.hears("/events?view=%2Fboard", gone, Duration::from_secs(4)).await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    desks.country.cut(&unit("420000"));
    assert!(heard.await.unwrap().is_some(), "three seconds after the cut the board says nothing");
    desks.country.heal(&unit("420000"));
    let mut district = desks.visitor("420100", "张三").await;
    let watching = ministry.clone();
    let heard = tokio::spawn(async move {
        let came = |heard: &str| heard.contains("武汉") && heard.contains("考场秩序");
        watching.hears("/events?view=%2Fboard", came, Duration::from_secs(20)).await
    });
    reports(&mut district).await;
    assert!(heard.await.unwrap().is_some());
}
