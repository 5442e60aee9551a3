//! The officers at their desks: each reads what came, signs for it, and does what it asks, through the same local
//! interface the command line uses. Nobody here knows what another desk knows.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use node::topology::{Tier, Unit};
use proto::v1::{ActRequest, Box as Tray, DocumentView, Kind, ListRequest, Reply, Role, Stage, document::Content};
use tokio::time::Instant;

use super::{
    dice::Dice,
    filing::{Draft, Play, numbered, serial_of},
    incidents, people,
    station::{self, Client},
};

/// How much of a full tray is looked at a time.
const GLANCE: u32 = 50;
/// A quick look round a small country; a large one takes longer.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Each station makes the round so much longer.
const LOOK_EACH: Duration = Duration::from_millis(10);
/// How long people take when someone watches, and when nobody does.
const WATCHED: (Duration, Duration) = (Duration::from_millis(800), Duration::from_secs(4));
const UNWATCHED: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(800));
/// Before something a station could not take is tried again.
const AGAIN: Duration = Duration::from_millis(700);
/// The stream of the dice at desks, one for each after this.
const STREAM: u64 = 0x0ff1_ce00;

/// What a desk means to do next with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Act(Stage),
    /// 批复
    Reply,
}

#[derive(Debug)]
struct Duty {
    due: Instant,
    next: Next,
    /// What follows it.
    then: Vec<Next>,
    view: DocumentView,
}

struct Desk {
    play: Arc<Play>,
    unit: Unit,
    tier: Tier,
    client: Client,
    officer: String,
    dice: Dice,
    taken: BTreeSet<String>,
    duties: Vec<Duty>,
}

/// One desk's day. Ends only when it is stopped.
pub(crate) async fn sit(play: Arc<Play>, unit: Unit, seat: u64) {
    let Some(post) = play.country.posts.get(&unit) else { return };
    let (tier, client) = (post.place.tier, post.client.clone());
    let officer = people::on_duty(&unit, play.voice.lang);
    let stations = u32::try_from(play.country.posts.len()).unwrap_or(u32::MAX);
    let every = LOOK_EVERY.max(LOOK_EACH * stations);
    let mut dice = Dice::new(play.seed, STREAM + seat);
    // Desks do not all look up in the same instant.
    tokio::time::sleep(dice.between(Duration::ZERO, every)).await;
    let (taken, duties) = (BTreeSet::new(), Vec::new());
    let mut desk = Desk { play, unit, tier, client, officer, dice, taken, duties };
    loop {
        desk.look().await;
        desk.work().await;
        tokio::time::sleep(every).await;
    }
}

impl Desk {
    async fn look(&mut self) {
        let mut list = ListRequest { limit: GLANCE, ..Default::default() };
        list.set_box(Tray::Unsigned);
        // A station that does not answer is looked at again on the next round.
        let Ok(answer) = self.client.list(list).await else { return };
        for view in answer.into_inner().documents {
            if mine(&view, &self.unit) && self.taken.insert(number(&view).to_owned()) {
                let declined = self.declines(&view);
                let then = asked_of(&view, self.tier, declined);
                self.plan(Next::Act(Stage::Signed), then, view);
            }
        }
    }

    fn plan(&mut self, next: Next, then: Vec<Next>, view: DocumentView) {
        let (least, most) = if self.play.voice.narrate { WATCHED } else { UNWATCHED };
        let due = Instant::now() + self.dice.between(least, most);
        self.duties.push(Duty { due, next, then, view });
    }

    fn declines(&self, view: &DocumentView) -> bool {
        let Some(serial) = view.document.as_ref().and_then(serial_of) else { return false };
        let declined = self.play.declined.lock().unwrap_or_else(PoisonError::into_inner);
        declined.iter().any(|(order, unit)| *order == serial && *unit == self.unit)
    }

    async fn work(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<Duty>, Vec<Duty>) = self.duties.drain(..).partition(|duty| duty.due <= now);
        self.duties = later;
        for duty in due {
            match duty.next {
                Next::Act(stage) => self.act(stage, duty).await,
                Next::Reply => self.reply(&duty.view).await,
            }
        }
    }

    async fn act(&mut self, stage: Stage, mut duty: Duty) {
        let note = match stage {
            Stage::CannotComply => incidents::CANNOT.say(self.play.voice.lang),
            Stage::Completed => incidents::DONE.say(self.play.voice.lang),
            _ => "",
        };
        let document = number(&duty.view).to_owned();
        let mut act =
            ActRequest { document, officer: self.officer.clone(), note: note.to_owned(), ..Default::default() };
        act.set_stage(stage);
        match self.client.act(act).await {
            Ok(_) => {
                if !duty.then.is_empty() {
                    let next = duty.then.remove(0);
                    self.plan(next, duty.then, duty.view);
                }
            }
            Err(status) if station::later(&status) => {
                duty.due = Instant::now() + AGAIN;
                self.duties.push(duty);
            }
            // Withdrawn in the meantime: nothing is left to do.
            Err(_) if stage > Stage::Signed && self.withdrawn(&duty.view).await => {}
            Err(status) => {
                let (who, number) = (self.play.name(self.unit.as_str()), number(&duty.view));
                self.play.remark(format!("{who} {number}: {}", status.message()));
            }
        }
    }

    async fn withdrawn(&mut self, view: &DocumentView) -> bool {
        let get = proto::v1::GetRequest { document: number(view).to_owned(), ..Default::default() };
        let standing = self.client.get(get).await.map(|view| view.into_inner().standing());
        standing.is_ok_and(|standing| standing != proto::v1::Standing::Active)
    }

    async fn reply(&mut self, asked: &DocumentView) {
        let (Some(header), false) = (&asked.header, self.play.is_closing()) else { return };
        let Some(Content::Request(request)) = asked.document.as_ref().and_then(|one| one.content.as_ref()) else {
            return;
        };
        let Ok(asker) = Unit::parse(&header.origin) else { return };
        let (granted, words) = incidents::answer(&request.ask);
        let serial = self.play.serial();
        let text = numbered(words.say(self.play.voice.lang), serial);
        let kind = if granted { Kind::Approval } else { Kind::Denial };
        let content = Content::Reply(Reply { text, officer: self.officer.clone(), ..Default::default() });
        let title = format!("→ {} {}", self.play.name(&header.origin), header.number);
        let draft = Draft::new(serial, kind, header.precedence(), title, content).to(vec![asker]).about(&header.number);
        self.play.file(&self.unit, draft).await;
    }
}

fn number(view: &DocumentView) -> &str {
    view.header.as_ref().map_or("", |header| header.number.as_str())
}

/// Whether this desk signs for it: what is addressed here, and what passes on its way up.
fn mine(view: &DocumentView, unit: &Unit) -> bool {
    view.header.as_ref().is_some_and(|header| {
        let upward = matches!(
            header.kind(),
            Kind::InitialReport | Kind::FollowUpReport | Kind::FinalReport | Kind::RequestForInstructions
        );
        header.destination == unit.as_str() || upward
    })
}

/// What a signed document still asks of this desk.
fn asked_of(view: &DocumentView, tier: Tier, declined: bool) -> Vec<Next> {
    let Some(header) = &view.header else { return Vec::new() };
    match view.document.as_ref().and_then(|document| document.content.as_ref()) {
        Some(Content::Request(_)) if tier == Tier::Ministry => vec![Next::Reply],
        Some(Content::Directive(directive)) if header.role() == Role::Action => match directive.require() {
            Stage::Undertaken | Stage::Completed if declined => vec![Next::Act(Stage::CannotComply)],
            Stage::Undertaken => vec![Next::Act(Stage::Undertaken)],
            Stage::Completed => vec![Next::Act(Stage::Undertaken), Next::Act(Stage::Completed)],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proto::v1::{Directive, Document, Header, Request};

    use super::*;

    fn view(kind: Kind, destination: &str, role: Role, content: Content) -> DocumentView {
        let destination = destination.to_owned();
        let header = Header { kind: kind as i32, destination, role: role as i32, ..Default::default() };
        DocumentView { header: Some(header), document: Some(Document { content: Some(content) }), ..Default::default() }
    }

    fn directive(require: Stage, role: Role) -> DocumentView {
        let content = Content::Directive(Directive { require: require as i32, ..Default::default() });
        view(Kind::Directive, "420100", role, content)
    }

    #[test]
    fn a_directive_is_undertaken_and_done_only_where_action_is_asked() {
        let acts = |view: &DocumentView, declined| asked_of(view, Tier::District, declined);
        let both = [Next::Act(Stage::Undertaken), Next::Act(Stage::Completed)];
        assert_eq!(acts(&directive(Stage::Completed, Role::Action), false), both);
        assert_eq!(acts(&directive(Stage::Completed, Role::Action), true), [Next::Act(Stage::CannotComply)]);
        assert_eq!(acts(&directive(Stage::Completed, Role::Info), false), []);
        assert_eq!(acts(&directive(Stage::Signed, Role::Action), false), []);
    }

    #[test]
    fn only_the_ministry_answers_a_request() {
        let content = Content::Request(Request::default());
        let view = view(Kind::RequestForInstructions, "000000", Role::Action, content);
        assert_eq!(asked_of(&view, Tier::Ministry, false), [Next::Reply]);
        assert_eq!(asked_of(&view, Tier::Province, false), []);
    }

    #[test]
    fn a_province_signs_what_goes_up_through_it_and_not_what_goes_down() {
        let hubei = Unit::parse("420000").unwrap();
        let request = Content::Request(Request::default());
        assert!(mine(&view(Kind::RequestForInstructions, "000000", Role::Action, request), &hubei));
        assert!(!mine(&directive(Stage::Signed, Role::Action), &hubei));
        assert!(mine(&directive(Stage::Signed, Role::Action), &Unit::parse("420100").unwrap()));
    }
}
