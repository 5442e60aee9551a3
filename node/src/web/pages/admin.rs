//! 人员, 审计, 预案: who may work here, who did what, by which rules. And the help.

use proto::v1::{
    Box, LogMatter, OfficersRequest, PolicyRequest, Post, document::Content, station_server::Station as _,
};
use tonic::Request;

use super::{actions, ops::small};
use crate::{
    cli::{document, shift as log, terms::Listed as _, time, visible},
    web::{
        fields::{Field, Input, choices},
        parts::{Cell, Facts, Part, Row, Table, Text},
        visit::{Page, Problem, Right, Visit},
    },
};

/// Acts an auditor's page shows.
const ACTS: u32 = 300;

pub(super) async fn officers(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Enrol)?;
    let all = visit.web.api.manage_officers(Request::new(OfficersRequest::default())).await?.into_inner().officers;
    let rows = all.iter().map(|one| {
        let posts = one.posts().map(|post| post.word(&visit.words)).collect::<Vec<_>>().join(&visit.w("list-comma"));
        Row {
            tone: if one.closed { "quiet" } else { "" },
            cells: vec![
                visible::line(&one.name).into(),
                posts.into(),
                Cell::toned(
                    visit.w(if one.closed { "web-account-closed" } else { "web-account-open" }),
                    if one.closed { "bad" } else { "good" },
                ),
                Cell::toned(time::clock(one.last_login_us), "num"),
                Cell::toned(one.refused.to_string(), if one.refused > 0 { "bad" } else { "num" }),
            ],
        }
    });
    let heads = ["head-officer", "web-posts", "head-state", "web-last-login", "web-refused"];
    let account = [("", "web-account-same"), ("closed", "web-account-close"), ("opened", "web-account-reopen")];
    let account = account.map(|(code, key)| (code.to_owned(), visit.w(key)));
    let fields = vec![
        Field::line("name", visit.w("head-officer")).required(),
        Field::of("posts", visit.w("web-posts"), Input::Checks(choices::<Post>(&visit.words)))
            .hint(visit.w("web-hint-posts")),
        Field::password("password", visit.w("web-new-password")).hint(visit.w("web-hint-password")),
        Field::of("account", visit.w("web-account"), Input::Select(account.into())),
    ];
    let parts = vec![
        Part::Table(Table {
            id: "officers",
            caption: visit.w("web-nav-officers"),
            heads: heads.map(|key| visit.w(key)).into(),
            rows: rows.collect(),
            empty: visit.w("list-empty"),
            more: None,
        }),
        Part::Form(small(visit, "officer", "/do/officer", "web-enrol", fields)),
    ];
    Ok(Page::new(visit.w("web-nav-officers"), parts))
}

/// Who did what, when: numbers and kinds, no content.
pub(super) async fn audit(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Audit)?;
    let acts = visit.list(Box::Filed, &[], ACTS).await?.documents;
    let rows = acts.iter().filter_map(|view| {
        let header = view.header.as_ref()?;
        let (what, who) = match document::content(view) {
            Some(Content::LogEntry(entry)) => {
                let matter = entry.matter().word(&visit.words);
                // Accounts and readings are the auditor's business; what a note says is not.
                let told = match entry.matter() {
                    LogMatter::Account => {
                        format!("{matter} {} {}", log::told(entry, &visit.words), visible::line(&entry.text))
                    }
                    _ => format!("{matter} {}", log::told(entry, &visit.words)),
                };
                (told, visible::line(&entry.officer))
            }
            _ => {
                let fields = document::content_fields(view, &visit.names, &visit.words);
                let who = fields.into_iter().find(|(key, _)| *key == "field-officer").map(|(_, value)| value);
                (document::kind_text(view, &visit.words), who.unwrap_or_default())
            }
        };
        Some(Row {
            tone: "",
            cells: vec![
                Cell::toned(time::clock_ms(document::created(header)), "num"),
                who.into(),
                what.into(),
                Cell::toned(document::number(view), "mono"),
                header.classification().word(&visit.words).into(),
            ],
        })
    });
    let heads = ["head-time", "head-officer", "web-act", "head-number", "field-classification"];
    let parts = vec![
        Part::note("about", "quiet", visit.w("web-audit-about"), Vec::new()),
        Part::Table(Table {
            id: "acts",
            caption: visit.w("web-nav-audit"),
            heads: heads.map(|key| visit.w(key)).into(),
            rows: rows.collect(),
            empty: visit.w("list-empty"),
            more: None,
        }),
    ];
    Ok(Page::new(visit.w("web-nav-audit"), parts))
}

/// The rules in force, as they are written, and the versions there were.
pub(super) async fn policy(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let ask = async |list| {
        let request = PolicyRequest { version: String::new(), list };
        Ok::<_, Problem>(visit.web.api.get_policy(Request::new(request)).await?.into_inner())
    };
    let (current, all) = (ask(false).await?, ask(true).await?);
    let rows = all.versions.iter().map(|one| Row {
        tone: "",
        cells: vec![
            visible::line(&one.version).into(),
            Cell::toned(time::clock(one.released_us), "num"),
            visible::line(&one.number).into(),
            visible::line(&one.title).into(),
        ],
    });
    let heads = ["head-version", "head-released", "head-number", "head-title"];
    let mut parts: Vec<_> = actions(visit, "verbs", "", &[("policy", "N")]).into_iter().collect();
    parts.push(Part::Facts(Facts {
        id: "facts",
        caption: visit.w("web-policy"),
        rows: vec![
            (visit.w("head-version"), visible::line(&current.version).into()),
            (visit.w("head-title"), visible::line(&current.title).into()),
            (visit.w("field-reference"), visible::line(&current.document).into()),
        ],
    }));
    parts.push(Part::Table(Table {
        id: "versions",
        caption: visit.w("web-versions"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("list-empty"),
        more: None,
    }));
    parts.push(Part::Text(Text {
        id: "text",
        caption: visit.w("web-policy-text"),
        lines: visible::lines(&current.text),
    }));
    Ok(Page::new(visit.w("web-policy"), parts))
}

#[derive(askama::Template)]
#[template(path = "switch.html")]
struct Switch {
    on: String,
    off: String,
}

/// Keys of one letter may be turned off, for whoever speaks or points.
fn switch(visit: &Visit) -> String {
    let switch = Switch { on: visit.w("web-keys-on"), off: visit.w("web-keys-off") };
    askama::Template::render(&switch).unwrap_or_default()
}

/// The keys, the words, and what to do when something does not work.
pub(super) fn help(visit: &Visit) -> Page {
    let keys = [
        ("J / K", "web-help-move"),
        ("Enter", "web-help-open"),
        ("/", "web-help-search"),
        ("G I · G B · G N · G D", "web-help-go"),
        ("N", "web-help-new"),
        ("S", "web-help-sign"),
        ("E · U · D · P", "web-help-acts"),
        ("Ctrl+Enter", "web-help-send"),
        ("Esc", "web-help-back"),
        ("?", "web-help-help"),
    ];
    let keys = keys.map(|(key, what)| (key.to_owned(), Cell::from(visit.w(what))));
    let ladder = ["web-help-draft", "web-help-kept", "web-help-durable", "web-help-delivered", "web-help-signed"];
    Page::new(
        visit.w("web-nav-help"),
        vec![
            Part::Facts(Facts { id: "keys", caption: visit.w("web-help-keys"), rows: keys.into() }),
            Part::Html { id: "switch", html: switch(visit), form: true },
            Part::Text(Text {
                id: "ladder",
                caption: visit.w("web-help-ladder"),
                lines: ladder.map(|key| visit.w(key)).into(),
            }),
            Part::Text(Text {
                id: "trouble",
                caption: visit.w("web-help-trouble"),
                lines: ["web-help-line", "web-help-station", "web-help-lost"].map(|key| visit.w(key)).into(),
            }),
        ],
    )
}
