//! 大屏: every office below as a square that never changes its place, what must be done at once, who has not signed, what
//! has just come. And one office, closely.
//!
//! No map: an outline of provinces needs an approved base, and squares in the order of the administrative codes are denser
//! and stay where the eye has learnt to find them.

use std::collections::BTreeMap;

use proto::v1::{
    self, Box, DocumentView, Kind, NilRequest, NilState, ObligationView, ObligationsRequest, Standing, StatusView,
    UnitView, Verdict, station_server::Station as _,
};
use tonic::Request;

use super::{documents, duty, office};
use crate::{
    cli::{document, ladder, names::Names, terms::Listed as _, time, visible, words::Words},
    io::Timestamp,
    topology::Tier,
    web::{
        parts::{Cell, Facts, Figure, Figures, Part, Row, Table, Tile, Tiles},
        visit::{Page, Problem, Right, Visit},
    },
};

/// Directives whose signatures are looked at.
const DIRECTIVES: u32 = 30;
/// A line slower than this is marked.
const SLOW_US: u32 = 5_000_000;
/// As many provinces as have room on the wall with all that is below them.
const FEW: usize = 8;
/// Directives whose signatures stand beside each other.
const COVERED: usize = 6;
/// Rows of a list on the wall.
const ROWS: usize = 10;

/// What it takes to say something: the words, what offices are called, and the time.
#[derive(Clone, Copy)]
pub(super) struct Say<'a> {
    words: &'a Words,
    names: &'a Names,
    now: Timestamp,
}

impl<'a> Say<'a> {
    fn of(visit: &'a Visit) -> Self {
        Self { words: &visit.words, names: &visit.names, now: visit.now }
    }
}

/// What the station says of all offices below, looked at once for a whole board.
pub(super) struct Picture {
    units: Vec<UnitView>,
    me: String,
    status: StatusView,
    directives: Vec<DocumentView>,
    owed: Vec<ObligationView>,
    nil: v1::NilResponse,
    /// Whom each office reports to.
    parents: BTreeMap<String, String>,
    /// Which of the station's lines leads to a neighbour.
    lines: BTreeMap<String, usize>,
    /// What is open, of those of whom something is.
    open: BTreeMap<String, Open>,
}

/// What is open of one office, or of all in a branch.
#[derive(Debug, Default, Clone, Copy)]
struct Open {
    unsigned: u32,
    /// Since when the oldest of these.
    since_us: i64,
    overdue: u32,
    missing: u32,
}

impl Open {
    fn and(self, other: Self) -> Self {
        let since_us = match (self.since_us, other.since_us) {
            (0, us) | (us, 0) => us,
            (one, other) => one.min(other),
        };
        Self {
            unsigned: self.unsigned + other.unsigned,
            since_us,
            overdue: self.overdue + other.overdue,
            missing: self.missing + other.missing,
        }
    }
}

impl Picture {
    async fn take(visit: &Visit) -> Result<Self, Problem> {
        let api = &visit.web.api;
        let request = ObligationsRequest { limit: 100, ..Default::default() };
        let directives = visit.list(Box::Filed, &[Kind::Directive, Kind::Decision], DIRECTIVES).await?.documents;
        Ok(Self::of(
            visit.units.clone(),
            api.status().await?,
            directives.into_iter().filter(|view| view.standing() == Standing::Active).collect(),
            api.list_obligations(Request::new(request)).await?.into_inner().obligations,
            api.list_nil(Request::new(NilRequest::default())).await?.into_inner(),
        ))
    }

    fn of(
        units: v1::UnitsResponse,
        status: StatusView,
        directives: Vec<DocumentView>,
        owed: Vec<ObligationView>,
        nil: v1::NilResponse,
    ) -> Self {
        let v1::UnitsResponse { me, mut units } = units;
        units.sort_by(|a, b| a.unit.cmp(&b.unit));
        let parents = units.iter().map(|unit| (unit.unit.clone(), unit.parent.clone())).collect();
        let down = status.links.iter().enumerate().filter(|(_, link)| !link.direct && !link.parent);
        let lines = down.map(|(at, link)| (link.unit.clone(), at)).collect();
        let mut open = BTreeMap::<String, Open>::new();
        let mut add = |unit: &str, more: Open| {
            let known = open.entry(unit.to_owned()).or_default();
            *known = known.and(more);
        };
        for (view, one) in behind(&directives) {
            let since_us = view.header.as_ref().map_or(0, document::created);
            add(&one.unit, Open { unsigned: 1, since_us, ..Open::default() });
        }
        for one in owed.iter().filter(|one| one.verdict() == Verdict::Overdue) {
            add(&one.owner, Open { overdue: 1, ..Open::default() });
        }
        for one in nil.units.iter().filter(|one| one.state() == NilState::Missing) {
            add(&one.unit, Open { missing: 1, ..Open::default() });
        }
        Self { units, me, status, directives, owed, nil, parents, lines, open }
    }

    /// An office and those above it, to the top.
    fn upward<'a>(&'a self, unit: &'a str) -> impl Iterator<Item = &'a str> {
        let above = |unit: &&'a str| self.parents.get(*unit).map(String::as_str).filter(|parent| !parent.is_empty());
        std::iter::successors(Some(unit), above)
    }

    /// The line an office is behind: its own, or that of the office on the way to it.
    fn line_towards<'a>(&'a self, unit: &'a str) -> Option<&'a v1::LinkView> {
        self.upward(unit).find_map(|unit| self.lines.get(unit)).and_then(|at| self.status.links.get(*at))
    }

    fn children<'a>(&'a self, of: &'a str) -> impl Iterator<Item = &'a UnitView> {
        self.units.iter().filter(move |unit| unit.parent == of)
    }

    /// Of the offices directly below `top` the one a unit is, or is below.
    fn branch<'a>(&'a self, unit: &'a str, top: &str) -> Option<&'a str> {
        self.upward(unit).find(|unit| self.parents.get(*unit).is_some_and(|parent| parent == top))
    }

    /// The squares of everybody directly below an office.
    fn tiles(&self, say: Say<'_>, top: &str) -> Vec<(String, Tile)> {
        let mut open = BTreeMap::<&str, Open>::new();
        for (unit, more) in &self.open {
            if let Some(branch) = self.branch(unit, top) {
                let known = open.entry(branch).or_default();
                *known = known.and(*more);
            }
        }
        let of = |unit: &UnitView| open.get(unit.unit.as_str()).copied().unwrap_or_default();
        self.children(top).map(|unit| (unit.unit.clone(), self.tile(say, unit, of(unit)))).collect()
    }

    fn tile(&self, say: Say<'_>, unit: &UnitView, open: Open) -> Tile {
        let words = say.words;
        let Open { unsigned, since_us, overdue, missing } = open;
        let link = self.line_towards(&unit.unit);
        let hop = self.status.hops.iter().filter(|hop| hop.from == unit.unit && hop.to == self.me);
        let p95 = hop.map(|hop| hop.p95_us).max();
        let own = link.filter(|link| link.unit == unit.unit);
        let waiting =
            own.and_then(|link| link.queue.as_ref()).map_or(0, |queue| queue.ready + queue.parked + queue.held);
        let down = link.is_some_and(|link| !link.up);
        let slow = p95.is_some_and(|us| us > SLOW_US) || waiting > 0;
        let (state, glyph) = if down {
            ("gone", "○")
        } else if unsigned > 0 || overdue > 0 {
            ("bad", "■")
        } else if slow || missing > 0 {
            ("slow", "▲")
        } else {
            ("ok", "●")
        };
        let span = |us: i64| time::ago(us, say.now, words);
        let word = match (down, unsigned, overdue) {
            (true, ..) => words.say("web-tile-gone", &[("since", span(link.map_or(0, |link| link.since_us)).into())]),
            (_, 1.., _) => words.say("web-tile-unsigned", &[("count", unsigned.into())]),
            (_, 0, 1..) => words.say("web-tile-overdue", &[("count", overdue.into())]),
            _ => p95.map_or_else(
                || words.text("web-tile-quiet"),
                |us| format!("P95 {}", time::measured(std::time::Duration::from_micros(us.into()))),
            ),
        };
        let line = match (waiting, unsigned) {
            (1.., _) => words.say("web-tile-waiting", &[("count", waiting.into())]),
            (0, 1..) => span(since_us),
            _ => words.text("web-tile-signed"),
        };
        let more = match missing {
            0 => String::new(),
            _ => words.say("web-tile-nil", &[("count", missing.into())]),
        };
        // Of a line that is up: as of the page, which says itself how old it is.
        let heard = link.map_or(0, |link| if link.up { 0 } else { link.last_contact_us });
        let href = format!("/unit/{}", visible::line(&unit.unit));
        Tile { name: say.names.get(&unit.unit), href, state, glyph, word, line, more, heard_ms: heard / 1000 }
    }
}

/// Addressees that have not signed what was sent from here.
fn behind(views: &[DocumentView]) -> impl Iterator<Item = (&DocumentView, &v1::RecipientView)> {
    let all = views.iter().flat_map(|view| view.recipients.iter().map(move |one| (view, one)));
    all.filter(|(_, one)| !ladder::has_reached(one, v1::Stage::Signed) && ladder::ended(one).is_none())
}

/// The bands of the administrative codes: the first digit of a province's.
fn band(unit: &str) -> &'static str {
    match unit.bytes().next() {
        Some(b'1') => "web-band-north",
        Some(b'2') => "web-band-northeast",
        Some(b'3') => "web-band-east",
        Some(b'4') => "web-band-south",
        Some(b'5') => "web-band-southwest",
        Some(b'6') => "web-band-northwest",
        Some(b'8') => "web-band-hk-macao",
        _ => "web-band-other",
    }
}

fn legend(words: &Words) -> Vec<(&'static str, String)> {
    [("●", "web-legend-ok"), ("▲", "web-legend-slow"), ("■", "web-legend-bad"), ("○", "web-legend-gone")]
        .map(|(glyph, key)| (glyph, words.text(key)))
        .into()
}

pub(super) async fn board(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Board)?;
    let picture = Picture::take(visit).await?;
    let requests = visit.list(Box::Received, &[Kind::RequestForInstructions], 50).await?.documents;
    let waiting: Vec<_> = requests.into_iter().filter(|view| view.standing() == Standing::Active).collect();
    let newest = visit.list(Box::Received, &[], 12).await?.documents;
    let unsigned = visit.list(Box::Unsigned, &[], 50).await?;
    let mut parts = vec![
        Part::Figures(figures(visit, &picture, waiting.len())),
        Part::Tiles(matrix(Say::of(visit), visit.tier(), &picture)),
        Part::Table(must_act(visit, &picture, &waiting, &unsigned.documents)),
        Part::Table(unsigned_below(visit, &picture)),
        Part::Table(river(visit, &newest)),
        Part::Table(latencies(visit, &picture.status)),
    ];
    if visit.tier() == Tier::District {
        parts.remove(1);
    } else {
        parts.insert(2, Part::Table(coverage(visit, &picture)));
        parts.insert(3, Part::Table(heat(visit, &picture)));
    }
    let key = if visit.tier() == Tier::Ministry { "web-nav-board" } else { "web-nav-districts" };
    const ASIDE: &[&str] = &["must-act", "unsigned", "river"];
    Ok(Page { layout: "board", aside: ASIDE, ..Page::new(visit.w(key), parts) })
}

/// The squares: in bands where there are many provinces; where there are few, each with those below it.
fn matrix(say: Say<'_>, tier: Tier, picture: &Picture) -> Tiles {
    let caption = say.words.text("web-matrix");
    let mut groups: Vec<(String, Vec<Tile>)> = Vec::new();
    let children = picture.children(&picture.me).count();
    if tier == Tier::Ministry && children <= FEW {
        for (unit, tile) in picture.tiles(say, &picture.me) {
            let below = picture.tiles(say, &unit).into_iter().map(|(_, tile)| tile);
            groups.push((say.names.get(&unit), [tile].into_iter().chain(below).collect()));
        }
        return Tiles { id: "matrix", caption, groups, legend: legend(say.words) };
    }
    for (unit, tile) in picture.tiles(say, &picture.me) {
        let name = if tier == Tier::Ministry { say.words.text(band(&unit)) } else { String::new() };
        match groups.last_mut().filter(|(last, _)| *last == name) {
            Some((_, tiles)) => tiles.push(tile),
            None => groups.push((name, vec![tile])),
        }
    }
    Tiles { id: "matrix", caption, groups, legend: legend(say.words) }
}

fn figures(visit: &Visit, picture: &Picture, requests: usize) -> Figures {
    let links: Vec<_> = picture.status.links.iter().filter(|link| !link.direct).collect();
    let up = links.iter().filter(|link| link.up).count();
    let behind = behind(&picture.directives).count();
    let late = picture.owed.iter().filter(|one| one.verdict() == Verdict::Overdue).count();
    let slowest = picture.status.hops.iter().filter(|hop| hop.to == picture.me).map(|hop| hop.p95_us).max();
    let nil = &picture.nil;
    let here = nil.units.iter().filter(|one| matches!(one.state(), NilState::Received | NilState::Late)).count();
    let may_look = visit.may(Right::Look);
    let figure = |key: &str, value: String, of: String, bad: bool, href: &str| Figure {
        name: visit.w(key),
        value,
        of,
        tone: if bad { "bad" } else { "" },
        href: if may_look { href.to_owned() } else { String::new() },
    };
    let p95 = slowest.map_or_else(|| "–".to_owned(), |us| time::measured(std::time::Duration::from_micros(us.into())));
    let mut figures = vec![
        figure("web-figure-links", up.to_string(), links.len().to_string(), up < links.len(), ""),
        figure("web-figure-unsigned", behind.to_string(), String::new(), behind > 0, "/directives"),
        figure("web-figure-requests", requests.to_string(), String::new(), requests > 0, "/decisions"),
        figure("web-figure-overdue", late.to_string(), String::new(), late > 0, "/duties"),
        figure("web-figure-p95", p95, String::new(), slowest.is_some_and(|us| us > SLOW_US), ""),
    ];
    if !nil.slot.is_empty() {
        let missing = here < nil.units.len();
        let mut one = figure("web-nav-nil", here.to_string(), nil.units.len().to_string(), missing, "/nil");
        one.name = format!("{} {}", one.name, visible::line(&nil.slot));
        figures.push(one);
    }
    Figures { id: "figures", figures }
}

/// What waits for somebody here, the longest first; the wall sees what it is and not what it says.
fn must_act(visit: &Visit, picture: &Picture, requests: &[DocumentView], unsigned: &[DocumentView]) -> Table {
    let words = &visit.words;
    let content = visit.may(Right::Look);
    let mut rows = Vec::new();
    let mut seen = Vec::new();
    for view in requests.iter().chain(unsigned) {
        let Some(header) = &view.header else { continue };
        if seen.contains(&view.id) {
            continue;
        }
        seen.push(view.id.clone());
        let number = document::number(view);
        let what = match content {
            true => format!("{} {}", document::kind_text(view, words), document::matter_text(view, words)),
            false => document::kind_text(view, words),
        };
        let due = if header.reply_by_us == 0 {
            "–".to_owned()
        } else {
            time::clock_and_age(header.reply_by_us, visit.now, words)
        };
        rows.push((
            view.arrived_us,
            Row {
                tone: "waits",
                cells: vec![
                    Cell::toned(document::grade_text(view, words), super::grade_class(view)),
                    if content { Cell::link(what, format!("/m/{number}")) } else { what.into() },
                    visit.names.get(&header.origin).into(),
                    Cell::toned(time::ago(view.arrived_us, visit.now, words), "num"),
                    Cell::toned(due, "num"),
                ],
            },
        ));
    }
    for one in picture.owed.iter().filter(|one| one.verdict() == Verdict::Overdue && one.owner == picture.me) {
        let what = crate::cli::obligation::duty(one, words);
        let incident = visible::line(&one.incident);
        rows.push((
            one.arose_us,
            Row {
                tone: "waits",
                cells: vec![
                    Cell::toned("–".to_owned(), ""),
                    if content { Cell::link(what, format!("/incident/{incident}")) } else { what.into() },
                    visit.names.get(&one.owner).into(),
                    Cell::toned(time::ago(one.arose_us, visit.now, words), "num"),
                    Cell::toned(time::clock_and_age(one.due_us, visit.now, words), "num"),
                ],
            },
        ));
    }
    rows.sort_by_key(|(since, _)| *since);
    let heads = ["head-grade", "head-matter", "head-unit", "web-waits", "head-due"];
    Table {
        id: "must-act",
        caption: visit.w("web-must-act"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.into_iter().map(|(_, row)| row).take(ROWS).collect(),
        empty: visit.w("web-nothing-waits"),
        more: None,
    }
}

/// Who has not signed, how far it has come, and whom to ring.
fn unsigned_below(visit: &Visit, picture: &Picture) -> Table {
    let mut all: Vec<_> = behind(&picture.directives).collect();
    all.sort_by_key(|(view, _)| view.header.as_ref().map_or(0, document::created));
    let content = visit.may(Right::Look);
    let rows = all.into_iter().take(ROWS).map(|(view, one)| {
        let number = document::number(view);
        let reached =
            ladder::highest(one).map_or_else(|| visit.w("web-not-delivered"), |stage| stage.word(&visit.words));
        let since = view.header.as_ref().map_or(0, document::created);
        Row {
            tone: "waits",
            cells: vec![
                visit.names.get(&one.unit).into(),
                if content { Cell::number(&number, "/m/") } else { number.into() },
                reached.into(),
                Cell::toned(time::ago(since, visit.now, &visit.words), "num"),
                Cell::toned(visit.names.phone(&one.unit), "num"),
            ],
        }
    });
    let heads = ["head-unit", "head-number", "web-reached", "web-waits", "head-phone"];
    Table {
        id: "unsigned",
        caption: visit.w("web-unsigned"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("web-all-signed"),
        more: None,
    }
}

/// Of each directive that stands, how much of each branch has signed: the darker, the more is open.
fn coverage(visit: &Visit, picture: &Picture) -> Table {
    let columns: Vec<_> = picture.directives.iter().take(COVERED).collect();
    let share = |view: &DocumentView, branch: &str| {
        let mine = view.recipients.iter().filter(|one| picture.branch(&one.unit, &picture.me) == Some(branch));
        let (signed, all) = mine.fold((0, 0), |(signed, all), one| {
            (signed + usize::from(ladder::has_reached(one, v1::Stage::Signed)), all + 1)
        });
        let class = match (signed, all) {
            (_, 0) => "heat",
            (signed, all) if signed == all => "heat h0",
            (signed, all) if signed * 3 >= all * 2 => "heat h1",
            (signed, all) if signed * 3 >= all => "heat h2",
            _ => "heat h3",
        };
        Cell::toned(if all == 0 { "–".to_owned() } else { format!("{signed}/{all}") }, class)
    };
    let rows = picture.children(&picture.me).map(|unit| {
        let mut cells = vec![Cell::from(visit.names.get(&unit.unit))];
        cells.extend(columns.iter().map(|view| share(view, &unit.unit)));
        Row { tone: "", cells }
    });
    let mut heads = vec![visit.w("head-unit")];
    heads.extend(columns.iter().map(|view| document::number(view)));
    let rows = if columns.is_empty() { Vec::new() } else { rows.collect() };
    Table {
        id: "coverage",
        caption: visit.w("web-coverage"),
        heads,
        rows,
        empty: visit.w("web-no-directives"),
        more: None,
    }
}

/// What has come, the newest first.
fn river(visit: &Visit, views: &[DocumentView]) -> Table {
    let content = visit.may(Right::Look);
    let rows = views.iter().filter_map(|view| {
        let header = view.header.as_ref()?;
        let number = document::number(view);
        let mut cells = vec![
            Cell::toned(time::clock(view.arrived_us), "num"),
            visit.names.get(&header.origin).into(),
            document::kind_text(view, &visit.words).into(),
        ];
        if content {
            cells.push(Cell::link(document::matter_text(view, &visit.words), format!("/m/{number}")));
        }
        Some(Row { tone: "", cells })
    });
    let mut heads = vec![visit.w("head-time"), visit.w("head-from"), visit.w("head-kind")];
    if content {
        heads.push(visit.w("head-matter"));
    }
    let empty = visit.w("list-empty");
    Table { id: "river", caption: visit.w("web-river"), heads, rows: rows.collect(), empty, more: None }
}

/// How slow the line from each office was, quarter of an hour by quarter of an hour; a dash where nothing came.
fn heat(visit: &Visit, picture: &Picture) -> Table {
    let windows: Vec<_> = picture.status.windows.iter().filter(|window| window.from_us > 0).collect();
    let cell = |window: &v1::LatencyWindow, unit: &str| {
        let hop = window.hops.iter().find(|hop| hop.from == unit && hop.to == picture.me);
        let class = match hop.map(|hop| hop.p95_us) {
            None => "heat",
            Some(0..=1_000_000) => "heat h0",
            Some(1_000_001..=SLOW_US) => "heat h1",
            Some(us) if us <= 6 * SLOW_US => "heat h2",
            Some(_) => "heat h3",
        };
        let text = hop
            .map_or_else(|| "–".to_owned(), |hop| time::measured(std::time::Duration::from_micros(hop.p95_us.into())));
        Cell::toned(text, class)
    };
    let rows = picture.children(&picture.me).map(|unit| {
        let mut cells = vec![Cell::from(visit.names.get(&unit.unit))];
        cells.extend(windows.iter().map(|window| cell(window, &unit.unit)));
        Row { tone: "", cells }
    });
    let mut heads = vec![visit.w("head-unit")];
    heads.extend(windows.iter().map(|window| time::hour(window.from_us)));
    let rows = if windows.is_empty() { Vec::new() } else { rows.collect() };
    Table { id: "heat", caption: visit.w("web-heat"), heads, rows, empty: visit.w("web-no-samples"), more: None }
}

/// How long each leg takes; what has no samples has a dash and no zero.
pub(super) fn latencies(visit: &Visit, status: &StatusView) -> Table {
    let span = |us: u32| time::measured(std::time::Duration::from_micros(us.into()));
    let rows = status.hops.iter().map(|hop| Row {
        tone: if hop.p95_us > SLOW_US { "waits" } else { "" },
        cells: vec![
            format!("{} → {}", visit.names.get(&hop.from), visit.names.get(&hop.to)).into(),
            hop.precedence().word(&visit.words).into(),
            Cell::toned(hop.count.to_string(), "num"),
            Cell::toned(span(hop.p50_us), "num"),
            Cell::toned(span(hop.p95_us), "num"),
            Cell::toned(span(hop.p99_us), "num"),
        ],
    });
    let mut heads = vec![visit.w("web-leg"), visit.w("head-precedence"), visit.w("web-count")];
    heads.extend(["P50", "P95", "P99"].map(str::to_owned));
    let empty = visit.w("web-no-samples");
    Table { id: "latency", caption: visit.w("web-latency"), heads, rows: rows.collect(), empty, more: None }
}

/// One office: its line, its people, what it sent, what it owes, and the offices below it.
pub(super) async fn unit(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let asked = visit.rest();
    let Some(unit) = visit.units.units.iter().find(|unit| unit.unit == asked).cloned() else {
        return Err(Problem::NotFound);
    };
    let picture = Picture::take(visit).await?;
    let mut rows = vec![(visit.w("head-unit"), Cell::from(visible::line(&unit.unit)))];
    if !unit.parent.is_empty() {
        rows.push((visit.w("web-above"), office(visit, &unit.parent)));
    }
    rows.push((visit.w("head-phone"), Cell::toned(visit.names.phone(&unit.unit), "num")));
    if let Some(link) = picture.status.links.iter().find(|link| link.unit == unit.unit) {
        rows.push((visit.w("web-line"), Cell::toned(super::line_text(visit, link), if link.up { "" } else { "bad" })));
    }
    if let Some(nil) = picture.nil.units.iter().find(|one| one.unit == unit.unit) {
        rows.push((visit.w("web-nav-nil"), nil.state().word(&visit.words).into()));
    }
    let mut parts = vec![Part::Facts(Facts { id: "facts", caption: String::new(), rows })];
    let below = picture.tiles(Say::of(visit), &unit.unit);
    if !below.is_empty() {
        let tiles = below.into_iter().map(|(_, tile)| tile).collect();
        let caption = visit.w("web-below");
        parts.push(Part::Tiles(Tiles {
            id: "below",
            caption,
            groups: vec![(String::new(), tiles)],
            legend: legend(&visit.words),
        }));
    }
    let all = visit.list(Box::Unspecified, &[], 300).await?.documents;
    let theirs: Vec<_> = all
        .into_iter()
        .filter(|view| {
            view.header
                .as_ref()
                .is_some_and(|header| header.origin == unit.unit || header.action_to.contains(&unit.unit))
        })
        .take(30)
        .collect();
    let owed: Vec<_> = picture.owed.iter().filter(|one| one.owner == unit.unit).cloned().collect();
    parts.push(Part::Table(duty::obligations(visit, "owed", visit.w("web-nav-duties"), &owed)));
    parts.push(Part::Table(documents(visit, "list", visit.w("web-documents-of"), &theirs)));
    Ok(Page::new(visit.names.get(&unit.unit), parts))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proto::v1::{Header, LinkView, RecipientView, Stage, StageView, UnitsResponse};

    use super::*;
    use crate::{cli::words::Lang, topology::Topology};

    /// The country of 2014 with two lines down and thirty directives half signed for.
    fn country() -> (Picture, Names) {
        let text = include_str!("../../../../deploy/topology/national-2014.toml");
        let topology = Topology::parse(text).unwrap();
        let units: Vec<_> = topology
            .places()
            .map(|place| UnitView {
                unit: place.unit.to_string(),
                name: place.name.clone(),
                tier: place.tier.as_str().into(),
                parent: place.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
                ..UnitView::default()
            })
            .collect();
        let me = topology.root().to_string();
        let links = units.iter().filter(|unit| unit.parent == me).enumerate().map(|(n, unit)| LinkView {
            unit: unit.unit.clone(),
            up: n % 17 != 3,
            ..LinkView::default()
        });
        let signed = |n: usize| StageView {
            stage: if n.is_multiple_of(2) { Stage::Signed } else { Stage::Delivered }.into(),
            ..Default::default()
        };
        let recipients = |n: usize| {
            let below = units.iter().enumerate().filter(|(_, unit)| unit.tier == "district");
            below
                .map(|(m, unit)| RecipientView {
                    unit: unit.unit.clone(),
                    stages: vec![signed(n + m)],
                    ..Default::default()
                })
                .collect()
        };
        let directives = (0..30).map(|n| DocumentView {
            header: Some(Header::default()),
            recipients: recipients(n),
            ..DocumentView::default()
        });
        let status = StatusView { links: links.collect(), ..StatusView::default() };
        let directives = directives.collect();
        let all = UnitsResponse { me, units: units.clone() };
        let names = Names::of(all.clone(), Lang::Zh);
        (Picture::of(all, status, directives, Vec::new(), v1::NilResponse::default()), names)
    }

    #[test]
    fn the_board_of_the_country_has_every_province_in_its_band_and_is_drawn_in_no_time() {
        let (picture, names) = country();
        let words = Words::new(Lang::Zh);
        let say = Say { words: &words, names: &names, now: Timestamp::default() };
        let draw = || {
            let began = Instant::now();
            let board = Part::Tiles(matrix(say, Tier::Ministry, &picture)).html();
            let below: Vec<_> =
                picture.children(&picture.me).map(|unit| picture.tiles(say, &unit.unit).len()).collect();
            (began.elapsed(), board, below)
        };
        let (_, board, below) = draw();
        assert_eq!((board.matches("class=\"tile ").count(), below.iter().sum::<usize>()), (33, 255));
        assert_eq!(board.matches("tile gone").count(), 2);
        let bands: Vec<_> =
            ["华北", "东北", "华东", "中南", "西南", "西北", "港澳"].map(|band| board.find(band)).into();
        assert!(bands.is_sorted() && bands.iter().all(Option::is_some), "{bands:?}");
        assert!(board.len() < 60 * 1024, "{} bytes", board.len());
        // What it takes is its quickest time; the rest is what else the machine does.
        let quickest = (0..200).map(|_| draw().0).min().unwrap();
        assert!(quickest < Duration::from_millis(5), "{quickest:?}");
    }
}
