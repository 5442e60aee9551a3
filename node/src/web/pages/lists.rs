//! Lists of documents, and looking for one.

use proto::v1::{Box, DocumentView, Kind, Order, document::Content};

use super::{actions, desk, documents, just_done};
use crate::{
    cli::document,
    web::{
        fields::Field,
        parts::{Part, tabs},
        visit::{Link, Page, Problem, Right, Visit},
    },
};

const SHOWN: u32 = 50;
/// How far back a search looks.
const SEARCHED: u32 = 1000;

/// One list: its name in the path, its title, which box, which kinds, what may be begun from it.
struct Shelf {
    name: &'static str,
    title: &'static str,
    which: Box,
    kinds: &'static [Kind],
    begins: &'static [(&'static str, &'static str)],
}

const SHELVES: &[Shelf] = &[
    Shelf { name: "inbox", title: "web-nav-inbox", which: Box::Received, kinds: &[], begins: &[("bulletin", "A")] },
    Shelf {
        name: "sent",
        title: "web-nav-sent",
        which: Box::Filed,
        kinds: &[],
        begins: &[("report", "N"), ("directive", "D")],
    },
    Shelf {
        name: "directives",
        title: "web-nav-directives",
        which: Box::Unspecified,
        kinds: &[Kind::Directive],
        begins: &[("directive", "D")],
    },
    Shelf {
        name: "decisions",
        title: "web-nav-decisions",
        which: Box::Unspecified,
        kinds: &[Kind::RequestForInstructions, Kind::Approval, Kind::Denial, Kind::Proposal, Kind::Decision],
        begins: &[("propose", "N"), ("request", "N")],
    },
    Shelf {
        name: "publications",
        title: "web-publications",
        which: Box::Unspecified,
        kinds: &[Kind::Proposal, Kind::Decision],
        begins: &[("propose", "N")],
    },
    Shelf {
        name: "warnings",
        title: "web-warnings",
        which: Box::Unspecified,
        kinds: &[Kind::EarlyWarning],
        begins: &[("warning", "N")],
    },
    Shelf {
        name: "bulletins",
        title: "web-bulletins",
        which: Box::Unspecified,
        kinds: &[Kind::Bulletin],
        begins: &[("bulletin", "A")],
    },
    Shelf {
        name: "notices",
        title: "web-notices",
        which: Box::Unspecified,
        kinds: &[Kind::LateralNotice],
        begins: &[],
    },
    Shelf {
        name: "drills",
        title: "web-drills",
        which: Box::Unspecified,
        kinds: &[Kind::Directive],
        begins: &[("drill-start", "N")],
    },
    Shelf {
        name: "incidents",
        title: "web-incidents",
        which: Box::Unspecified,
        kinds: &[Kind::InitialReport],
        begins: &[("report", "N")],
    },
];

/// The list at a path.
pub(super) async fn list(visit: &Visit, name: &str) -> Result<Page, Problem> {
    if name == "more" {
        return more(visit);
    }
    let shelf = SHELVES.iter().find(|shelf| shelf.name == name).ok_or(Problem::NotFound)?;
    visit.needs(Right::Look)?;
    let kinds =
        if shelf.kinds.is_empty() && shelf.which == Box::Filed { desk::travelling() } else { shelf.kinds.to_vec() };
    let mut views = visit.list(shelf.which, &kinds, SHOWN).await?.documents;
    match name {
        "publications" => views.retain(publishes),
        "drills" => views.retain(|view| matches!(order(view), Some(Order::Drill | Order::DrillOver))),
        _ => {}
    }
    let mut parts: Vec<_> = just_done(visit).into_iter().collect();
    parts.extend(actions(visit, "verbs", "", shelf.begins));
    parts.push(Part::Table(documents(visit, "list", visit.w(shelf.title), &views)));
    Ok(Page::new(visit.w(shelf.title), parts))
}

/// What does not stand in the navigation.
fn more(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let pages = [
        ("/incidents", "web-incidents"),
        ("/publications", "web-publications"),
        ("/warnings", "web-warnings"),
        ("/bulletins", "web-bulletins"),
        ("/notices", "web-notices"),
        ("/drills", "web-drills"),
        ("/policy", "web-policy"),
        ("/xlsx/ledger", "web-ledger"),
    ];
    let links = pages.map(|(href, key)| Link { href: href.to_owned(), text: visit.w(key), here: false });
    let verbs = ["report", "request", "phone", "note", "nil", "warning", "roster", "prepare", "drill-start", "policy"];
    let verbs = verbs.map(|name| (name, ""));
    let parts = [Some(tabs(links.into(), visit.w("web-nav-more"))), actions(visit, "verbs", "", &verbs)];
    Ok(Page::new(visit.w("web-nav-more"), parts.into_iter().flatten().collect()))
}

/// Documents whose number, office, matter or text has what was asked for.
pub(super) async fn search(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let asked = visit.asked("q").trim().to_lowercase();
    let field = Field::line("q", visit.w("web-search")).value(asked.clone());
    let form = crate::web::parts::Part::Html {
        id: "search",
        html: search_form(&field, &visit.w("web-nav-search")),
        form: true,
    };
    let mut parts = vec![form];
    if !asked.is_empty() {
        let mut views = visit.list(Box::Unspecified, &[], SEARCHED).await?.documents;
        views.retain(|view| has(view, &asked, visit));
        views.truncate(SHOWN as usize);
        parts.push(Part::Table(documents(visit, "list", visit.w("web-found"), &views)));
    }
    Ok(Page::new(visit.w("web-nav-search"), parts))
}

#[derive(askama::Template)]
#[template(path = "search.html")]
struct SearchForm<'a> {
    label: &'a str,
    value: &'a str,
    submit: &'a str,
}

fn search_form(field: &Field, submit: &str) -> String {
    let form = SearchForm { label: &field.label, value: &field.value, submit };
    askama::Template::render(&form).unwrap_or_default()
}

fn has(view: &DocumentView, asked: &str, visit: &Visit) -> bool {
    let Some(header) = &view.header else { return false };
    let mut texts =
        vec![header.number.clone(), visit.names.get(&header.origin), document::kind_text(view, &visit.words)];
    texts.push(document::matter_text(view, &visit.words));
    texts.extend(document::content_fields(view, &visit.names, &visit.words).into_iter().map(|(_, value)| value));
    texts.extend(document::body_lines(view, &visit.names, &visit.words));
    texts.iter().any(|text| text.to_lowercase().contains(asked))
}

fn publishes(view: &DocumentView) -> bool {
    let content = view.document.as_ref().and_then(|document| document.content.as_ref());
    let decision = match content {
        Some(Content::Proposal(proposal)) => proposal.decision.as_ref(),
        Some(Content::Decision(decision)) => Some(decision),
        _ => None,
    };
    decision.is_some_and(|decision| decision.publication.is_some())
}

pub(super) fn order(view: &DocumentView) -> Option<Order> {
    match view.document.as_ref().and_then(|document| document.content.as_ref()) {
        Some(Content::Directive(directive)) => Some(directive.order()),
        _ => None,
    }
}

/// The newest word about drills is that one begins.
pub(super) fn drill_under_way(views: &[DocumentView]) -> bool {
    let newest =
        views.iter().find_map(|view| order(view).filter(|order| matches!(order, Order::Drill | Order::DrillOver)));
    newest == Some(Order::Drill)
}
