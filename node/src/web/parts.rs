//! What pages are made of. Each part has a name of its own in the page and can be sent again alone.

use askama::Template;

use super::{
    fields::{Field, Input},
    visit::Link,
};

/// One part of a page.
pub(super) enum Part {
    Strip(Strip),
    Note(Note),
    Table(Table),
    Facts(Facts),
    Text(Text),
    Form(Form),
    Tiles(Tiles),
    Timeline(Timeline),
    Actions(Actions),
    Figures(Figures),
    /// Made elsewhere, by a template of its own.
    Html {
        id: &'static str,
        html: String,
        form: bool,
    },
}

impl Part {
    pub(super) fn note(id: &'static str, tone: &'static str, text: String, more: Vec<String>) -> Self {
        Self::Note(Note { id, tone, text, more, href: String::new() })
    }

    /// Its name in the page.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Strip(_) => "strip",
            Self::Note(one) => one.id,
            Self::Table(one) => one.id,
            Self::Facts(one) => one.id,
            Self::Text(one) => one.id,
            Self::Form(one) => one.id,
            Self::Tiles(one) => one.id,
            Self::Timeline(one) => one.id,
            Self::Actions(one) => one.id,
            Self::Figures(one) => one.id,
            Self::Html { id, .. } => id,
        }
    }

    /// Somebody may be writing in it: it is never replaced under his hands.
    pub(super) fn is_form(&self) -> bool {
        matches!(self, Self::Form(_) | Self::Html { form: true, .. })
    }

    pub(super) fn html(&self) -> String {
        let made = match self {
            Self::Strip(one) => one.render(),
            Self::Note(one) => one.render(),
            Self::Table(one) => one.render(),
            Self::Facts(one) => one.render(),
            Self::Text(one) => one.render(),
            Self::Form(one) => one.render(),
            Self::Tiles(one) => one.render(),
            Self::Timeline(one) => one.render(),
            Self::Actions(one) => one.render(),
            Self::Figures(one) => one.render(),
            Self::Html { html, .. } => return html.clone(),
        };
        // Templates write into memory; nothing in them can fail.
        made.unwrap_or_default()
    }
}

/// Over every page: how old this picture is, how the line upward is, what is urgent.
#[derive(Template)]
#[template(path = "strip.html")]
pub(super) struct Strip {
    pub(super) unit: String,
    /// `up`, `down`, or nothing where there is none.
    pub(super) line: &'static str,
    pub(super) line_text: String,
    pub(super) live: String,
    pub(super) alarms: Vec<Alarm>,
    pub(super) exercise: String,
    pub(super) mute: String,
    pub(super) desk: String,
}

impl Strip {
    pub(super) fn new(unit: String) -> Self {
        Self {
            unit,
            line: "",
            line_text: String::new(),
            live: String::new(),
            alarms: Vec::new(),
            exercise: String::new(),
            mute: String::new(),
            desk: String::new(),
        }
    }
}

/// Something somebody has to see.
pub(super) struct Alarm {
    pub(super) text: String,
    pub(super) href: String,
    /// `red` rings until somebody answers.
    pub(super) tone: &'static str,
}

#[derive(Template)]
#[template(path = "note.html")]
pub(super) struct Note {
    id: &'static str,
    tone: &'static str,
    text: String,
    more: Vec<String>,
    href: String,
}

/// A table. Rows may be opened.
#[derive(Template, Default)]
#[template(path = "table.html")]
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) caption: String,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Row>,
    pub(super) empty: String,
    pub(super) more: Option<(String, String)>,
}

#[derive(Default)]
pub(super) struct Row {
    pub(super) tone: &'static str,
    pub(super) cells: Vec<Cell>,
}

#[derive(Default, Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) href: String,
    /// A class: `num`, `grade-1`, `bad` …
    pub(super) class: &'static str,
}

impl Cell {
    pub(super) fn link(text: String, href: String) -> Self {
        Self { text, href, class: "" }
    }

    /// A number of a document, as a link to what it stands for; it is never broken into two lines.
    pub(super) fn number(number: &str, page: &str) -> Self {
        Self { text: number.to_owned(), href: format!("{page}{number}"), class: "number" }
    }

    pub(super) fn toned(text: String, class: &'static str) -> Self {
        Self { text, class, ..Self::default() }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Names and values.
#[derive(Template)]
#[template(path = "facts.html")]
pub(super) struct Facts {
    pub(super) id: &'static str,
    pub(super) caption: String,
    pub(super) rows: Vec<(String, Cell)>,
}

/// Words somebody wrote, line by line.
#[derive(Template)]
#[template(path = "text.html")]
pub(super) struct Text {
    pub(super) id: &'static str,
    pub(super) caption: String,
    pub(super) lines: Vec<String>,
}

/// Something to be written and sent.
#[derive(Template)]
#[template(path = "form.html")]
pub(super) struct Form {
    pub(super) id: &'static str,
    pub(super) caption: String,
    pub(super) action: String,
    pub(super) token: String,
    pub(super) key: String,
    pub(super) hidden: Vec<(String, String)>,
    pub(super) fields: Vec<Field>,
    /// What may be left for later.
    pub(super) later: Vec<Group>,
    pub(super) submit: String,
    pub(super) error: Option<(String, Vec<String>)>,
    /// It waits in the browser while the station is away.
    pub(super) outbox: bool,
    pub(super) files: String,
    pub(super) draft: String,
}

/// Fields under one heading.
pub(super) struct Group {
    pub(super) caption: String,
    /// Which category they belong to; empty = all.
    pub(super) of: String,
    pub(super) fields: Vec<Field>,
}

/// Offices as squares, in an order that never changes.
#[derive(Template)]
#[template(path = "tiles.html")]
pub(super) struct Tiles {
    pub(super) id: &'static str,
    pub(super) caption: String,
    pub(super) groups: Vec<(String, Vec<Tile>)>,
    pub(super) legend: Vec<(&'static str, String)>,
}

pub(super) struct Tile {
    pub(super) name: String,
    pub(super) href: String,
    /// `ok`, `slow`, `bad`, `gone`.
    pub(super) state: &'static str,
    pub(super) glyph: &'static str,
    pub(super) word: String,
    pub(super) line: String,
    pub(super) more: String,
    /// When what it says was heard; the page hatches it by itself when that is long ago.
    pub(super) heard_ms: i64,
}

/// What happened to one document, drawn to scale and told.
#[derive(Template)]
#[template(path = "timeline.html")]
pub(super) struct Timeline {
    pub(super) id: &'static str,
    pub(super) caption: String,
    pub(super) bars: Vec<Bar>,
    pub(super) summary: String,
    pub(super) heads: Vec<String>,
    pub(super) events: Vec<Row>,
}

/// A stretch, in thousandths of the whole.
pub(super) struct Bar {
    pub(super) x: u32,
    pub(super) width: u32,
    /// `human` or `line`.
    pub(super) kind: &'static str,
    pub(super) text: String,
}

/// What may be done next.
#[derive(Template)]
#[template(path = "actions.html")]
pub(super) struct Actions {
    pub(super) id: &'static str,
    pub(super) label: String,
    pub(super) links: Vec<Action>,
}

pub(super) struct Action {
    pub(super) text: String,
    pub(super) href: String,
    /// The key that does it.
    pub(super) key: &'static str,
    pub(super) primary: bool,
}

/// Few numbers, large.
#[derive(Template)]
#[template(path = "figures.html")]
pub(super) struct Figures {
    pub(super) id: &'static str,
    pub(super) figures: Vec<Figure>,
}

pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) of: String,
    pub(super) tone: &'static str,
    pub(super) href: String,
}

/// Links to other pages of a kind.
pub(super) fn tabs(links: Vec<Link>, label: String) -> Part {
    let links = links
        .into_iter()
        .map(|link| Action { text: link.text, href: link.href, key: "", primary: link.here })
        .collect();
    Part::Actions(Actions { id: "tabs", label, links })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

    #[test]
    fn nothing_a_stranger_wrote_is_markup() {
        let nasty = || NASTY.to_owned();
        let cell = || Cell { text: nasty(), href: nasty(), class: "" };
        let parts = [
            Part::note("a", "bad", nasty(), vec![nasty()]),
            Part::Table(Table {
                id: "b",
                caption: nasty(),
                heads: vec![nasty()],
                rows: vec![Row { tone: "", cells: vec![cell()] }],
                empty: nasty(),
                more: Some((nasty(), nasty())),
            }),
            Part::Facts(Facts { id: "c", caption: nasty(), rows: vec![(nasty(), cell())] }),
            Part::Text(Text { id: "d", caption: nasty(), lines: vec![nasty()] }),
            Part::Timeline(Timeline {
                id: "e",
                caption: nasty(),
                bars: vec![Bar { x: 0, width: 1, kind: "human", text: nasty() }],
                summary: nasty(),
                heads: vec![nasty()],
                events: vec![Row { tone: "", cells: vec![cell()] }],
            }),
            Part::Form(Form {
                id: "f",
                caption: nasty(),
                action: nasty(),
                token: nasty(),
                key: nasty(),
                hidden: vec![(nasty(), nasty())],
                fields: Field::every_kind(NASTY),
                later: vec![Group { caption: nasty(), of: nasty(), fields: Field::every_kind(NASTY) }],
                submit: nasty(),
                error: Some((nasty(), vec![nasty()])),
                outbox: true,
                files: nasty(),
                draft: nasty(),
            }),
        ];
        for part in parts {
            let html = part.html();
            assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"), "{html}");
            assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        }
    }
}
