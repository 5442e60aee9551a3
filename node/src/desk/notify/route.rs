//! PURE. Who is called about what, and when.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use proto::v1::{Grade, Precedence, Status};

use super::NOBODY;
use crate::{io::Timestamp, post::envelope::DocId};

/// A number that is looked up in the roster.
pub const ROSTER: &str = "roster";
/// Between two tries of a call that failed, and how many there are.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
const TRIES: u32 = 3;

/// One way to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What people call it.
    pub name: String,
    /// Of which speeds; empty = all.
    pub precedences: Vec<Precedence>,
    /// Of which grades; empty = all. What has none is as grave as any.
    pub grades: Vec<Grade>,
    /// So long after it began to wait: the later routes are who is called when nobody came.
    pub after: Duration,
    /// For drills as well.
    pub drills: bool,
    /// How.
    pub to: To,
}

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// A file in a folder a gateway empties, for a number.
    Number {
        /// The folder.
        spool: PathBuf,
        /// The number, or [`ROSTER`].
        number: String,
    },
    /// A system that takes JSON.
    Webhook {
        /// Its address.
        url: String,
    },
    /// A mailbox.
    Mail {
        /// `host:port`.
        server: String,
        /// Whether TLS is asked for before anything is said.
        tls: bool,
        /// From whom.
        from: String,
        /// To whom.
        to: String,
        /// A file with a user's name and his password, a line each.
        credentials: Option<PathBuf>,
    },
}

/// Why somebody is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Nobody has signed for it.
    Unsigned,
    /// A duty of this sentence of the plan is overdue.
    Overdue(String),
}

impl Why {
    /// A word that does not change.
    pub fn word(&self) -> String {
        match self {
            Self::Unsigned => "unsigned".to_owned(),
            Self::Overdue(row) => format!("overdue {row}"),
        }
    }
}

/// Something that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The document, or the incident.
    pub about: DocId,
    /// Its number: for the log, and never in a call.
    pub number: String,
    /// Why.
    pub why: Why,
    /// How urgent.
    pub precedence: Precedence,
    /// How grave, if somebody graded it.
    pub grade: Grade,
    /// Real or not.
    pub status: Status,
    /// Since when.
    pub since_us: i64,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call<'a> {
    /// Call somebody.
    Route(&'a Route, Waiting),
    /// Every way was tried, or there is none: that has to be known.
    Nobody(Waiting),
}

impl Call<'_> {
    /// The route's name.
    pub fn route(&self) -> &str {
        match self {
            Self::Route(route, _) => &route.name,
            Self::Nobody(_) => NOBODY,
        }
    }

    /// What it is about.
    pub fn waiting(&self) -> &Waiting {
        match self {
            Self::Route(_, waiting) | Self::Nobody(waiting) => waiting,
        }
    }
}

/// Who has been told what. Only of what still waits.
#[derive(Debug, Default)]
pub struct Told(BTreeMap<(DocId, String), BTreeMap<String, Tried>>);

#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    sent: bool,
    failures: u32,
    last: Timestamp,
}

impl Told {
    /// Before the station was started.
    pub fn before(&mut self, about: DocId, why: &str, route: &str) {
        let tried = Tried { sent: true, ..Tried::default() };
        self.0.entry((about, why.to_owned())).or_default().insert(route.to_owned(), tried);
    }

    /// Now.
    pub fn add(&mut self, call: &Call<'_>, sent: bool, now: Timestamp) {
        let sent = sent || matches!(call, Call::Nobody(_));
        let tried = self.0.entry(key(call.waiting())).or_default().entry(call.route().to_owned()).or_default();
        tried.sent |= sent;
        tried.failures += u32::from(!sent);
        tried.last = now;
    }

    /// What does not wait any more is forgotten.
    pub fn keep(&mut self, waiting: &[Waiting]) {
        let still: BTreeSet<_> = waiting.iter().map(key).collect();
        self.0.retain(|key, _| still.contains(key));
    }

    fn of(&self, waiting: &Waiting, route: &str) -> Tried {
        self.0.get(&key(waiting)).and_then(|routes| routes.get(route)).copied().unwrap_or_default()
    }
}

fn key(waiting: &Waiting) -> (DocId, String) {
    (waiting.about, waiting.why.word())
}

/// The calls that are due, the most urgent first.
pub fn due<'a>(routes: &'a [Route], waiting: &[Waiting], told: &Told, now: Timestamp) -> Vec<Call<'a>> {
    let mut calls = Vec::new();
    for one in waiting {
        let fits = |route: &&Route| route.fits(one);
        let waited = now.since(Timestamp::from_us(one.since_us));
        for route in routes.iter().filter(fits).filter(|route| waited >= route.after) {
            let tried = told.of(one, &route.name);
            let again = tried.failures == 0 || now.since(tried.last) >= AGAIN_AFTER;
            if !tried.sent && tried.failures < TRIES && again {
                calls.push(Call::Route(route, one.clone()));
            }
        }
        // A drill that calls nobody is as it should be.
        let drill = one.status != Status::Actual && !routes.iter().any(|route| route.drills);
        let in_vain = |route: &Route| !told.of(one, &route.name).sent && told.of(one, &route.name).failures >= TRIES;
        if !drill && routes.iter().filter(fits).all(in_vain) && !told.of(one, NOBODY).sent {
            calls.push(Call::Nobody(one.clone()));
        }
    }
    calls.sort_by_key(|call| std::cmp::Reverse(call.waiting().precedence));
    calls
}

impl Route {
    fn fits(&self, one: &Waiting) -> bool {
        let fast = self.precedences.is_empty() || self.precedences.contains(&one.precedence);
        let grave = self.grades.is_empty() || one.grade == Grade::Unspecified || self.grades.contains(&one.grade);
        fast && grave && (self.drills || one.status == Status::Actual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, after: u64) -> Route {
        Route {
            name: name.into(),
            precedences: vec![Precedence::TeTi, Precedence::TeJi],
            grades: Vec::new(),
            after: Duration::from_secs(after),
            drills: false,
            to: To::Webhook { url: "http://127.0.0.1/".into() },
        }
    }

    fn unsigned(id: u8, precedence: Precedence) -> Waiting {
        Waiting {
            about: DocId::from_slice(&[id; 16]).unwrap(),
            number: format!("R-{id}"),
            why: Why::Unsigned,
            precedence,
            grade: Grade::Unspecified,
            status: Status::Actual,
            since_us: 0,
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default() + Duration::from_secs(seconds)
    }

    fn named(calls: &[Call<'_>]) -> Vec<(String, String)> {
        calls.iter().map(|call| (call.route().to_owned(), call.waiting().number.clone())).collect()
    }

    #[test]
    fn the_next_is_called_when_nobody_came_and_nobody_is_called_twice() {
        let routes = [route("值班", 0), route("带班", 300)];
        let (waiting, mut told) = ([unsigned(1, Precedence::TeJi)], Told::default());
        let first = due(&routes, &waiting, &told, at(1));
        assert_eq!(named(&first), [("值班".to_owned(), "R-1".to_owned())]);
        told.add(&first[0], true, at(1));
        assert!(due(&routes, &waiting, &told, at(299)).is_empty());
        let second = due(&routes, &waiting, &told, at(300));
        assert_eq!(named(&second), [("带班".to_owned(), "R-1".to_owned())]);
        told.add(&second[0], true, at(300));
        assert!(due(&routes, &waiting, &told, at(9000)).is_empty());
        // Signed for and something new: called again.
        told.keep(&[]);
        assert_eq!(due(&routes, &[unsigned(2, Precedence::TeTi)], &told, at(9000)).len(), 2);
        // After a restart, what the log says.
        let mut again = Told::default();
        again.before(waiting[0].about, "unsigned", "值班");
        assert!(due(&routes, &waiting, &again, at(1)).is_empty());
    }

    #[test]
    fn that_nobody_could_be_called_is_said_once() {
        let routes = [route("值班", 0)];
        let (waiting, mut told) = ([unsigned(1, Precedence::TeJi)], Told::default());
        for minute in 0..3 {
            let calls = due(&routes, &waiting, &told, at(1 + minute * 60));
            assert_eq!(named(&calls), [("值班".to_owned(), "R-1".to_owned())]);
            told.add(&calls[0], false, at(1 + minute * 60));
            assert!(due(&routes, &waiting, &told, at(2 + minute * 60)).len() <= usize::from(minute == 2));
        }
        let calls = due(&routes, &waiting, &told, at(200));
        assert_eq!(calls, [Call::Nobody(waiting[0].clone())]);
        told.add(&calls[0], false, at(200));
        assert!(due(&routes, &waiting, &told, at(9000)).is_empty());
        // Nor is there a way for what no route takes.
        let slow = [unsigned(3, Precedence::Routine)];
        assert_eq!(due(&routes, &slow, &Told::default(), at(1)), [Call::Nobody(slow[0].clone())]);
    }

    #[test]
    fn a_drill_rings_no_real_phone_and_the_urgent_goes_first() {
        let drill = Waiting { status: Status::Exercise, ..unsigned(1, Precedence::TeTi) };
        assert!(due(&[route("值班", 0)], std::slice::from_ref(&drill), &Told::default(), at(1)).is_empty());
        let ringing = [Route { drills: true, ..route("演练", 0) }];
        let both = [unsigned(2, Precedence::TeJi), drill];
        assert_eq!(due(&ringing, &both, &Told::default(), at(1))[0].waiting().precedence, Precedence::TeTi);
        let grave = [Route { grades: vec![Grade::I], ..route("领导", 0) }];
        let mild = Waiting { grade: Grade::Iv, ..unsigned(4, Precedence::TeJi) };
        assert_eq!(due(&grave, std::slice::from_ref(&mild), &Told::default(), at(1)), [Call::Nobody(mild)]);
    }
}
