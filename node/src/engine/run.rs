//! The loop around the engine: waits in one place, changes in another, and tells those who asked.
//!
//! It has a thread of its own in a station, so that a commit never holds up a socket, and is an ordinary task under
//! simulation. Two lanes lead to it: whatever is urgent (or frees somebody) never queues behind bulk.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use proto::v1::{self, Precedence, frame::Frame};
use tokio::{
    sync::{
        mpsc::{self, error::TryRecvError},
        oneshot,
    },
    time::{Instant, sleep, sleep_until},
};

use super::{
    Disk, DiskFailed, Effects, Engine, Offer,
    news::{News, Newsroom, Subscription, newsroom},
};
use crate::{
    io::{Io, Timestamp},
    limits,
    link::outlet::Outlet,
    plan::{self, Desk, policy::Shelf},
    post::{
        Event, Post,
        arrivals::Arrived,
        envelope::Run,
        office::Filings,
        outgoing::{Draft, Filing},
        refusal::{Code, Refusal},
    },
    topology::Unit,
};

type Reply = oneshot::Sender<Filings>;
/// Looks, and says how to hand over what was seen: only if the disk could be read.
type Question = Box<dyn FnOnce(Desk<'_>) -> Box<dyn FnOnce()> + Send>;

/// What the engine is asked to do.
enum Command {
    File(Vec<v1::FileRequest>, Reply),
    Act(v1::ActRequest, Reply),
    Post(Event),
    Up {
        peer: Unit,
        id: u64,
        outlet: Outlet,
        heard: Vec<v1::Range>,
    },
    Down {
        peer: Unit,
        id: u64,
        failure: String,
    },
    Ask(Question),
    /// Nobody asks for anything.
    Idle,
    Stop,
}

impl Command {
    /// Roughly how much it will add to a commit.
    fn weight(&self) -> usize {
        match self {
            Self::File(requests, _) => requests.iter().map(|r| 512 + prost::Message::encoded_len(r)).sum(),
            Self::Post(Event::Offered { arrived, bodies, .. }) => {
                arrived.iter().map(|arrived| arrived.block.bytes.len()).sum::<usize>()
                    + bodies.iter().map(|(_, body)| body.len()).sum::<usize>()
            }
            _ => 256,
        }
    }

    /// Whether somebody waits for what is urgent in it.
    fn is_pressing(&self) -> bool {
        match self {
            Self::File(requests, _) => has_urgent(requests),
            Self::Act(..) => true,
            Self::Post(Event::Offered { arrived, .. }) => brings_urgent(arrived),
            _ => false,
        }
    }

    /// Whether it only says that something arrived, and nothing waits for the room that makes.
    fn can_wait(&self, post: &Post) -> bool {
        match self {
            Self::Post(Event::Answered { peer, answers }) => {
                answers.iter().all(|answer| answer.disposition() == v1::Disposition::Taken)
                    && !post.waits_for_room(peer)
            }
            _ => false,
        }
    }
}

fn has_urgent(requests: &[v1::FileRequest]) -> bool {
    requests.iter().any(|request| request.precedence() >= Precedence::TeJi)
}

fn brings_urgent(arrived: &[Arrived]) -> bool {
    arrived.iter().any(|arrived| arrived.block.run.channel.precedence >= Precedence::TeJi)
}

/// The engine has stopped: its disk failed, or the station is ending.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this station's engine has stopped")]
pub struct Stopped;

/// Why a filing came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileError {
    /// A rule forbids it, or the disk is full.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Whether it is durable is not known: ask again under the same idempotency key after a restart.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Sees every turn, for those who count.
pub trait Observer: Send + Sync + 'static {
    /// A turn ended; its commit took so long.
    fn turn(&self, post: &Post, effects: &Effects, took: std::time::Duration);
}

/// Speaks to the engine.
#[derive(Clone)]
pub struct Handle {
    urgent: mpsc::Sender<Command>,
    routine: mpsc::Sender<Command>,
    subscription: Subscription,
}

/// The engine's end of its handles.
pub struct Inbox {
    urgent: mpsc::Receiver<Command>,
    routine: mpsc::Receiver<Command>,
    newsroom: Newsroom,
}

/// A handle and its inbox.
pub fn channel() -> (Handle, Inbox) {
    let (urgent, urgent_inbox) = mpsc::channel(limits::INBOX_COMMANDS_MAX);
    let (routine, routine_inbox) = mpsc::channel(limits::INBOX_COMMANDS_MAX);
    let (newsroom, subscription) = newsroom();
    (Handle { urgent, routine, subscription }, Inbox { urgent: urgent_inbox, routine: routine_inbox, newsroom })
}

impl Handle {
    /// Files documents: all, or none. Answers when they are durable.
    pub async fn file(&self, requests: Vec<v1::FileRequest>) -> Result<Vec<Filing>, FileError> {
        let (reply, answer) = oneshot::channel();
        self.lane(has_urgent(&requests)).send(Command::File(requests, reply)).await.map_err(|_| Stopped)?;
        Ok(answer.await.map_err(|_| Stopped)??)
    }

    /// A named officer acts on a document.
    pub async fn act(&self, request: v1::ActRequest) -> Result<Vec<Filing>, FileError> {
        let (reply, answer) = oneshot::channel();
        self.urgent.send(Command::Act(request, reply)).await.map_err(|_| Stopped)?;
        Ok(answer.await.map_err(|_| Stopped)??)
    }

    /// Asks about what the station knows, between two turns.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(Desk<'_>) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |desk| {
            let seen = question(desk);
            Box::new(move || drop(reply.send(seen)))
        });
        self.urgent.send(Command::Ask(question)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    /// A line is up; `id` tells this connection from an earlier one that may still be dying.
    pub async fn up(&self, peer: Unit, id: u64, outlet: Outlet, heard: Vec<v1::Range>) -> Result<(), Stopped> {
        self.urgent.send(Command::Up { peer, id, outlet, heard }).await.map_err(|_| Stopped)
    }

    /// A line is down.
    pub async fn down(&self, peer: Unit, id: u64, failure: String) -> Result<(), Stopped> {
        self.urgent.send(Command::Down { peer, id, failure }).await.map_err(|_| Stopped)
    }

    /// A neighbour offers blocks.
    pub async fn offered(&self, peer: Unit, bodies: Vec<(Bytes, Bytes)>, arrived: Vec<Arrived>) -> Result<(), Stopped> {
        self.lane(brings_urgent(&arrived))
            .send(Command::Post(Event::Offered { peer, bodies, arrived }))
            .await
            .map_err(|_| Stopped)
    }

    /// A neighbour answers, asks, or an operator wants something tried again.
    pub async fn tell(&self, event: Event) -> Result<(), Stopped> {
        self.urgent.send(Command::Post(event)).await.map_err(|_| Stopped)
    }

    /// For those who watch documents.
    pub fn news(&self) -> News {
        self.subscription.news()
    }

    /// Changes with every turn: for those who look at everything.
    pub fn turns(&self) -> tokio::sync::watch::Receiver<u64> {
        self.subscription.turns()
    }

    /// Ends the engine after what it is doing.
    pub async fn stop(&self) {
        drop(self.urgent.send(Command::Stop).await);
    }

    fn lane(&self, urgent: bool) -> &mpsc::Sender<Command> {
        if urgent { &self.urgent } else { &self.routine }
    }
}

/// Turns until told to stop, or until the disk fails.
pub async fn run<D: Disk>(
    engine: Engine<D>,
    inbox: Inbox,
    io: Arc<dyn Io>,
    observer: Arc<dyn Observer>,
) -> Result<(), DiskFailed> {
    let mut turning = Turning {
        engine,
        io,
        observer,
        outlets: BTreeMap::new(),
        waiting: BTreeMap::new(),
        tickets: 0,
        stop: false,
        shelf: Shelf::default(),
    };
    let Inbox { mut urgent, mut routine, newsroom } = inbox;
    let mut ticked = Instant::now();
    let mut held = Held::default();
    let mut overtaken = 0;
    while !turning.stop {
        let patience = match () {
            () if turning.engine.is_tidying() => limits::TIDY_PAUSE,
            () if turning.engine.post().awaits_time() => limits::TICK_EVERY,
            () => IDLE,
        };
        let tick = ticked + patience.max(limits::TICK_EVERY);
        // Time is looked at however much there is to do: what is late is late for a busy station as well.
        let first = if tick <= Instant::now() {
            Some(Command::Post(Event::Tick))
        } else {
            tokio::select! {
                biased;
                command = urgent.recv() => command,
                command = routine.recv() => command,
                () = sleep_until(held.until), if !held.is_empty() => Some(Command::Idle),
                () = sleep(patience) => Some(Command::Idle),
                () = sleep_until(tick) => Some(Command::Post(Event::Tick)),
            }
        };
        if matches!(first, Some(Command::Post(Event::Tick))) {
            ticked = Instant::now();
        }
        let Some(first) = first else { break };
        let mut weight = first.weight();
        let mut commands = vec![first];
        let mut pressing = false;
        // Everything that is ready, the urgent first, up to what one commit may write. Bulk does not travel with what
        // is pressing, unless it has been left behind too often.
        while weight < limits::COMMIT_BYTES_MAX {
            pressing |= commands.last().is_some_and(Command::is_pressing);
            let alone = pressing && overtaken < OVERTAKEN_MAX;
            let bulk = |_| if alone { Err(TryRecvError::Empty) } else { routine.try_recv() };
            let Some(next) = urgent.try_recv().or_else(bulk).ok() else { break };
            weight += next.weight();
            commands.push(next);
        }
        overtaken = if pressing && overtaken < OVERTAKEN_MAX { overtaken + 1 } else { 0 };
        if let Some(commands) = held.turn(commands, turning.engine.post())
            && let Some(touched) = turning.turn(commands)?
        {
            newsroom.tell(touched);
        }
    }
    turning.engine.finish()
}

/// Answers that nobody waits for. A commit of their own would hold up what comes next, so they wait a moment for one
/// they can share.
struct Held {
    answers: Vec<Command>,
    until: Instant,
}

impl Default for Held {
    fn default() -> Self {
        Self { answers: Vec::new(), until: Instant::now() }
    }
}

impl Held {
    fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// What a turn is made of now, if there is anything that cannot wait.
    fn turn(&mut self, commands: Vec<Command>, post: &Post) -> Option<Vec<Command>> {
        let now = Instant::now();
        let waits = commands.iter().all(|command| command.can_wait(post));
        if self.is_empty() {
            self.until = now + limits::ANSWERS_WAIT;
        }
        self.answers.extend(commands);
        (!waits || now >= self.until || self.answers.len() >= limits::INBOX_COMMANDS_MAX)
            .then(|| std::mem::take(&mut self.answers))
    }
}

/// After this many turns for what is pressing, bulk travels along once.
const OVERTAKEN_MAX: u32 = 16;
/// How long a station with nothing to wait for sleeps at the most.
const IDLE: std::time::Duration = std::time::Duration::from_secs(30);

struct Turning<D: Disk> {
    engine: Engine<D>,
    io: Arc<dyn Io>,
    observer: Arc<dyn Observer>,
    outlets: BTreeMap<Unit, (u64, Outlet)>,
    waiting: BTreeMap<u64, Reply>,
    tickets: u64,
    stop: bool,
    shelf: Shelf,
}

impl<D: Disk> Turning<D> {
    /// One turn. If anything became durable: the envelopes about which something became known.
    fn turn(&mut self, commands: Vec<Command>) -> Result<Option<Vec<Run>>, DiskFailed> {
        let now = self.io.now();
        let (mut events, mut questions, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let mut calm = false;
        for command in commands {
            calm |= matches!(command, Command::Idle | Command::Post(Event::Tick));
            match command {
                Command::Ask(question) => questions.push(question),
                other => events.extend(self.event(other, now, &mut refused)),
            }
        }
        // Whoever could not read must not say that there is nothing.
        self.engine.disk().sound()?;
        for (reply, refusal) in refused {
            drop(reply.send(Err(refusal)));
        }
        let mut news = None;
        if !events.is_empty() {
            let outlets = &self.outlets;
            let mut early = |offer: crate::post::office::EarlyOffer| {
                if let Some((_, outlet)) = outlets.get(&offer.peer) {
                    let crate::post::office::EarlyOffer { run, bytes, passages, .. } = offer;
                    outlet.offer([Offer { run, block: bytes, passages, bodies: Vec::new() }]);
                }
            };
            let mut effects = self.engine.step(events, now, &mut early)?.into_effects();
            news = (!effects.facts.is_empty()).then(|| std::mem::take(&mut effects.touched));
            self.observer.turn(self.engine.post(), &effects, self.io.now().since(now));
            self.release(effects);
        }
        for quiet in [Engine::tidy, Engine::patrol].into_iter().filter(|_| calm) {
            if let Some(effects) = quiet(&mut self.engine, now)? {
                self.observer.turn(self.engine.post(), &effects, self.io.now().since(now));
            }
        }
        if !questions.is_empty() {
            let shortage = self.engine.disk().shortage();
            let read = |place| self.engine.read(place).ok();
            let desk = Desk {
                post: self.engine.post(),
                read: &read,
                now,
                refusing: shortage.as_ref().map(|short| short.why.as_str()),
                shelf: &self.shelf,
            };
            let answers: Vec<_> = questions.into_iter().map(|question| question(desk)).collect();
            self.engine.disk().sound()?;
            answers.into_iter().for_each(|answer| answer());
        }
        // Found while somebody looked, or while something was to be offered.
        if self.engine.has_losses() {
            let effects = self.engine.step(Vec::new(), now, &mut |_| {})?.into_effects();
            self.observer.turn(self.engine.post(), &effects, self.io.now().since(now));
            self.release(effects);
        }
        Ok(news)
    }

    /// Translates a command into what the post office understands, setting aside what the rules refuse.
    fn event(&mut self, command: Command, now: Timestamp, refused: &mut Vec<(Reply, Refusal)>) -> Option<Event> {
        match command {
            Command::File(requests, reply) => {
                let drafts = self.at_desk(now, |desk| requests.iter().map(|r| plan::draft(desk, r)).collect());
                self.ticket(drafts, reply, refused)
            }
            Command::Act(request, reply) => {
                let drafts = self.at_desk(now, |desk| plan::act::drafts(desk, &request));
                self.ticket(drafts, reply, refused)
            }
            Command::Post(event) => {
                if let Event::Answered { peer, answers } = &event
                    && answers.iter().any(|answer| answer.code == Code::BodyMissing.word())
                {
                    self.to(peer, Outlet::bodies_again);
                }
                Some(event)
            }
            Command::Up { peer, id, outlet, heard } => {
                if let Some((_, old)) = self.outlets.insert(peer.clone(), (id, outlet)) {
                    old.close();
                }
                Some(Event::Linked { peer, heard })
            }
            Command::Down { peer, id, failure } => {
                let current = self.outlets.get(&peer).is_some_and(|(current, _)| *current == id);
                current.then(|| {
                    self.outlets.remove(&peer);
                    Event::Unlinked { peer, failure }
                })
            }
            Command::Stop => {
                self.stop = true;
                None
            }
            Command::Ask(_) | Command::Idle => None,
        }
    }

    fn at_desk<T>(&self, now: Timestamp, rule: impl FnOnce(Desk<'_>) -> T) -> T {
        let read = |place| self.engine.read(place).ok();
        rule(Desk { post: self.engine.post(), read: &read, now, refusing: None, shelf: &self.shelf })
    }

    fn ticket(
        &mut self,
        drafts: Result<Vec<Draft>, Refusal>,
        reply: Reply,
        refused: &mut Vec<(Reply, Refusal)>,
    ) -> Option<Event> {
        match drafts {
            Ok(drafts) => {
                self.tickets += 1;
                self.waiting.insert(self.tickets, reply);
                Some(Event::File { ticket: self.tickets, drafts })
            }
            Err(refusal) => {
                refused.push((reply, refusal));
                None
            }
        }
    }

    fn release(&mut self, effects: Effects) {
        // First what travels on: everything else is at the end of its way.
        for (peer, offers) in effects.offers {
            self.to(&peer, |outlet| outlet.offer(offers));
        }
        for (ticket, answer) in effects.answers {
            if let Some(reply) = self.waiting.remove(&ticket) {
                // Whoever asked may have gone away; what was filed stays filed.
                drop(reply.send(answer));
            }
        }
        let mut settlements: BTreeMap<Unit, Vec<v1::Settlement>> = BTreeMap::new();
        for (peer, settlement) in effects.settlements {
            settlements.entry(peer).or_default().push(settlement);
        }
        for (peer, settlements) in settlements {
            self.to(&peer, |outlet| outlet.settle(settlements));
        }
        for (peer, runs) in effects.missing {
            let ranges = runs.iter().map(Run::to_proto).collect();
            self.to(&peer, |outlet| outlet.send(Frame::Missing(v1::Missing { ranges })));
        }
        for (peer, runs) in effects.gone {
            let ranges = runs.iter().map(Run::to_proto).collect();
            self.to(&peer, |outlet| outlet.send(Frame::Gone(v1::Gone { ranges })));
        }
    }

    fn to(&self, peer: &Unit, send: impl FnOnce(&Outlet)) {
        if let Some((_, outlet)) = self.outlets.get(peer) {
            send(outlet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        post::{Me, rows::MemoryBase},
        topology::Topology,
    };

    #[test]
    fn an_answer_nobody_waits_for_shares_a_commit() {
        let unit = |text| Unit::parse(text).unwrap();
        let topology = Arc::new(Topology::parse(include_str!("../../../deploy/topology/demo.toml")).unwrap());
        let post = Post::load(Me { unit: unit("420000"), topology }, Box::new(MemoryBase::default()));
        let answer = |disposition: v1::Disposition| {
            let answers = vec![v1::Settlement { disposition: disposition.into(), ..Default::default() }];
            Command::Post(Event::Answered { peer: unit("000000"), answers })
        };
        let mut held = Held::default();
        assert!(held.turn(vec![answer(v1::Disposition::Taken)], &post).is_none());
        assert!(held.until > Instant::now());
        let turn = held.turn(vec![answer(v1::Disposition::Refused)], &post).unwrap();
        assert_eq!(turn.len(), 2, "a refusal is news, and takes along what waited");
        assert!(held.is_empty());
        for _ in 1..limits::INBOX_COMMANDS_MAX {
            assert!(held.turn(vec![answer(v1::Disposition::Taken)], &post).is_none());
        }
        assert!(
            held.turn(vec![answer(v1::Disposition::Taken)], &post).is_some(),
            "enough to be worth one of their own"
        );
        held.turn(vec![answer(v1::Disposition::Taken)], &post);
        held.until = Instant::now();
        assert_eq!(held.turn(vec![Command::Idle], &post).unwrap().len(), 2, "not for ever");
    }
}
