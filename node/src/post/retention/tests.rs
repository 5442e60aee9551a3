//! What is settled goes without a trace, what is not stays findable, and what went does not come back.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proto::v1::{Disposition, Precedence, Stage, Status};

use super::*;
use crate::{
    post::{
        Circumstances, Event, Me,
        arrivals::{Arrived, receipt_draft},
        envelope::DocId,
        fact::Replay,
        office::Turn,
        opened::Opened,
        outgoing::Draft,
        rows::MemoryBase,
        seal::tests::Hand,
    },
    topology::{Topology, Unit},
};

const TREE: &str = r#"
[network]
name = "trial"
trust_domain = "trial"
[[station]]
unit = "000000"
tier = "ministry"
name = "部"
[[station]]
unit = "420000"
tier = "province"
name = "湖北"
parent = "000000"
[[station]]
unit = "420100"
tier = "district"
name = "武汉"
parent = "420000"
[[station]]
unit = "420500"
tier = "district"
name = "宜昌"
parent = "420000"
"#;

const DAY: Duration = Duration::from_secs(86_400);
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// One station's post office and its journal.
struct Office {
    post: Post,
    journal: Vec<(Place, Record)>,
    now: Timestamp,
}

fn unit(text: &str) -> Unit {
    Unit::parse(text).unwrap()
}

impl Office {
    fn new(of: &str) -> Self {
        let me = Me { unit: unit(of), topology: Arc::new(Topology::parse(TREE).unwrap()) };
        let post = Post::load(me, Box::new(MemoryBase::default()));
        let mut office = Self { post, journal: Vec::new(), now: Timestamp::from_us(1_700_000_000_000_000) };
        office.commit(vec![Post::open_epoch(office.now, &|buffer| buffer.fill(of.as_bytes()[1]), "new")]);
        office
    }

    fn commit(&mut self, facts: Vec<Pending>) {
        let count = facts.len();
        for (at, mut pending) in facts.into_iter().enumerate() {
            pending.record.ends_turn = at + 1 == count;
            let place = Place { segment: self.journal.len() as u64, offset: 0, length: 1 };
            self.post.apply(&pending.record, pending.block.as_ref(), place, false);
            self.journal.push((place, pending.record));
        }
        // Every record has a segment of its own, and the date is always sure.
        let place = Place { segment: self.journal.len() as u64, offset: 0, length: 1 };
        let mut dated = self.post.full_now(place.segment, self.now).unwrap();
        dated.record.ends_turn = true;
        self.post.apply(&dated.record, None, place, false);
        self.journal.push((place, dated.record));
    }

    fn read(&self, place: Place) -> Bytes {
        match self.journal[usize::try_from(place.segment).unwrap()].1.fact.clone() {
            Some(Fact::Filed(filed)) => filed.block,
            Some(Fact::Taken(taken)) => taken.block,
            Some(Fact::Carried(carried)) => carried.block,
            Some(Fact::Body(body)) => body.body,
            other => panic!("no block lies at {place:?} but {other:?}"),
        }
    }

    fn turn(&mut self, events: Vec<Event>) -> Turn {
        let me = self.post.me().unit.to_string();
        let random = std::cell::Cell::new(self.journal.len() as u64);
        let fill = |buffer: &mut [u8]| {
            random.set(random.get().wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1));
            buffer.iter_mut().zip(random.get().to_be_bytes().iter().cycle()).for_each(|(to, from)| *to = *from);
        };
        let circumstances = Circumstances { now: self.now, random: &fill, sealer: &Hand::of(&me), shortage: None };
        let mut turn = self.post.decide(events, &circumstances);
        let blocks: Vec<_> = turn.facts.iter().filter_map(|pending| pending.block.clone()).collect();
        self.commit(std::mem::take(&mut turn.facts));
        turn.facts = blocks
            .into_iter()
            .map(|block| Pending { block: Some(block), ..Pending::of(self.now, Fact::Body(Body::default())) })
            .collect();
        self.now = self.now + Duration::from_secs(1);
        turn
    }

    /// Files a document; returns its blocks and the id.
    fn file(&mut self, draft: Draft) -> (Vec<Block>, DocId) {
        let turn = self.turn(vec![Event::File { ticket: 1, drafts: vec![draft] }]);
        let id = turn.answers[0].1.as_ref().unwrap()[0].id;
        (turn.facts.into_iter().filter_map(|pending| pending.block).collect(), id)
    }

    fn take(&mut self, from: &str, blocks: &[Block], bodies: Vec<(Bytes, Bytes)>) -> Vec<Disposition> {
        let arrived = blocks.iter().map(|block| Arrived { block: block.clone(), passages: Vec::new() }).collect();
        let turn = self.turn(vec![Event::Offered { peer: unit(from), bodies, arrived }]);
        turn.settlements.iter().map(|(_, settlement)| settlement.disposition()).collect()
    }

    /// Every neighbour takes what waits for it.
    fn pass(&mut self) {
        let answers: Vec<_> = self
            .post
            .queues()
            .map(|(peer, queue)| {
                let taken = |run: &Run| v1::Settlement {
                    range: Some(run.to_proto()),
                    disposition: Disposition::Taken.into(),
                    ..Default::default()
                };
                let answers = queue.entries().map(|entry| taken(&entry.run)).collect();
                Event::Answered { peer: peer.clone(), answers }
            })
            .collect();
        self.turn(answers);
    }

    /// Everything that was handed on has arrived, and this office has heard so: only the marks, as receipts leave them.
    fn arrive(&mut self) {
        for (_, row) in self.post.rows.prefix(&keys::arrival(0)[..1], usize::MAX) {
            let run = Post::run_of(&keys::BlockRow::decode(row.as_slice()).unwrap()).unwrap();
            if self.post.waiting(&run.channel, run.first).is_none() {
                let key = keys::reached(&run.channel, run.first, Stage::Delivered, run.channel.destination.as_str());
                self.post.rows.put(key, keys::MarkRow { count: run.count, stage: None }.encode_to_vec());
            }
        }
    }

    /// An officer here does something with a document, and says so to its office.
    fn act(&mut self, document: DocId, stage: Stage) {
        let me = self.post.me().unit.clone();
        let copies = self.post.copies(document, &|place| Some(self.read(place)));
        let passing = |copy: &&super::super::view::Copy| {
            copy.channel.destination == me || self.post.me().topology.is_ancestor(&me, &copy.channel.origin)
        };
        let copy = copies.iter().find(passing).unwrap();
        let receipt = v1::Receipt {
            about: Some(Run { channel: copy.channel.clone(), first: copy.number, count: 1 }.to_proto()),
            stage: stage.into(),
            at_us: self.now.us(),
            station: me.to_string(),
            officer: "王五".into(),
            ..Default::default()
        };
        let draft = receipt_draft(copy.channel.origin.clone(), copy.channel.precedence, vec![receipt]);
        self.file(draft);
    }

    /// Goes over what is old of the journal once: (envelopes forgotten, records carried).
    fn tidy(&mut self) -> (u64, usize) {
        let before = self.now - RETENTION;
        let swept = self.journal.len() as u64;
        let read = |place| Some(self.read(place));
        // What was carried is as old as what it was carried out of.
        let is_old = |(place, record): &&(Place, Record)| {
            matches!(record.fact, Some(Fact::Carried(_) | Fact::Body(_))) || self.post.was_full(place.segment, before)
        };
        let records = self.journal.iter().filter(is_old).cloned().collect();
        let Tidied { facts, bodies } = self.post.tidy(records, self.now, &read);
        let mut all = self.count(facts);
        let facts = self.post.tidy_bodies(&bodies, self.now, |place| Ok::<_, ()>(self.read(place))).unwrap();
        let more = self.count(facts.into_iter().chain(self.post.tidy_dates(swept, self.now)).collect());
        all = (all.0 + more.0, all.1 + more.1);
        all
    }

    fn count(&mut self, facts: Vec<Pending>) -> (u64, usize) {
        let mut counted = (0, 0);
        for pending in &facts {
            match &pending.record.fact {
                Some(Fact::Forgotten(forgotten)) => counted.0 += forgotten.envelopes,
                _ => counted.1 += 1,
            }
        }
        self.commit(facts);
        counted
    }

    /// First bytes of the keys of all rows that are about documents: not those that say when segments were full, and how
    /// far people's numbers have come.
    fn open(&self) -> Vec<DocId> {
        self.post.open_incidents(None, 9).into_iter().map(|opened| opened.incident).collect()
    }

    fn kinds(&mut self) -> String {
        let keys = self.post.rows_mut().everything().into_iter().map(|(key, _)| char::from(key[0]));
        keys.filter(|kind| !"gn".contains(*kind)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn later(&mut self, by: Duration) {
        self.now = self.now + by;
    }
}

fn draft(kind: Kind, to: &[&str]) -> Draft {
    Draft {
        header: Box::new(v1::Header {
            kind: kind.into(),
            status: Status::Exercise.into(),
            attachments: vec![v1::Attachment { digest: vec![9; 32].into(), ..Default::default() }],
            ..Default::default()
        }),
        precedence: Precedence::JiaJi,
        destinations: to.iter().map(|to| (unit(to), Role::Action)).collect(),
        body: Bytes::from_static(b"text"),
        letter: Some('R'),
        ..Default::default()
    }
}

fn report(kind: Kind, incident: Option<DocId>) -> Draft {
    let mut draft = Draft { opens_incident: incident.is_none(), ..draft(kind, &["000000"]) };
    draft.header.incident = incident.map(DocId::to_bytes).unwrap_or_default();
    draft
}

fn directive(to: &[&str], require: Stage) -> Draft {
    let directive = v1::Directive { require: require.into(), ..Default::default() };
    let document = v1::Document { content: Some(Content::Directive(directive)) };
    Draft { body: document.encode_to_vec().into(), ..draft(Kind::Directive, to) }
}

fn refers(draft: Draft, to: DocId) -> Draft {
    let mut draft = draft;
    draft.header.references = vec![to.to_bytes()];
    draft
}

/// What is left when everything was forgotten: the station's own values, tips, numbers heard.
const BARE: &str = "hmo";

#[test]
fn an_incident_is_forgotten_when_it_was_closed_passed_on_and_is_old_and_leaves_nothing_behind() {
    let mut office = Office::new("420100");
    let (_, first) = office.file(report(Kind::InitialReport, None));
    office.file(report(Kind::FollowUpReport, Some(first)));
    office.later(RETENTION);
    assert_eq!(office.tidy(), (0, 2), "they wait for the line");
    office.pass();
    office.arrive();
    assert_eq!(office.tidy(), (0, 2), "the incident is open");
    office.file(report(Kind::FinalReport, Some(first)));
    office.pass();
    office.arrive();
    assert_eq!(office.tidy(), (2, 0), "the 终报 is young");
    assert!(office.kinds().contains('i') && office.kinds().contains('z'), "and knows its incident");
    assert!(office.post.copies(first, &|place| Some(office.read(place))).is_empty());
    office.later(RETENTION);
    assert_eq!(office.tidy(), (1, 0));
    assert_eq!(office.tidy(), (0, 0), "nothing is forgotten twice");
    assert_eq!(office.kinds(), "mo", "a district that heard nothing");
}

#[test]
fn a_report_on_its_way_up_is_kept_until_it_was_signed_for_and_handed_on() {
    let (mut district, mut province) = (Office::new("420100"), Office::new("420000"));
    let (blocks, id) = district.file(draft(Kind::InitialReport, &["000000"]));
    assert_eq!(province.take("420100", &blocks, vec![]), [Disposition::Taken]);
    province.later(RETENTION + DAY);
    assert_eq!(province.tidy(), (0, 1), "it waits for the line and for a signature");
    province.pass();
    assert_eq!(province.tidy(), (0, 1), "it waits for a signature");
    province.arrive();
    province.act(id, Stage::Signed);
    assert_eq!(province.tidy(), (1, 0), "the receipt is young");
    province.pass();
    province.later(RETENTION);
    assert_eq!(province.tidy(), (1, 0));
    assert_eq!(province.kinds(), BARE);
    let before = province.post.unsigned_count();
    assert_eq!(province.take("420100", &blocks, vec![]), [Disposition::Taken], "heard before, and answered so");
    assert_eq!((province.post.unsigned_count(), province.kinds()), (before, BARE.into()), "and not surfaced again");
}

#[test]
fn what_was_handed_on_is_kept_until_it_has_arrived() {
    let (mut district, mut province) = (Office::new("420100"), Office::new("420000"));
    let (blocks, id) = district.file(draft(Kind::InitialReport, &["000000"]));
    province.take("420100", &blocks, vec![]);
    province.act(id, Stage::Signed);
    for office in [&mut district, &mut province] {
        office.pass();
        office.later(RETENTION + DAY);
        let kept = office.tidy().1;
        assert_eq!(kept, 1, "the next station may lose its disk, and then this is the only copy");
        office.arrive();
        assert_eq!(office.tidy(), (1, 0));
    }
}

#[test]
fn a_request_is_kept_until_it_has_its_answer() {
    let mut district = Office::new("420100");
    let (_, asked) = district.file(draft(Kind::RequestForInstructions, &["000000"]));
    district.pass();
    district.arrive();
    district.later(RETENTION + DAY);
    assert_eq!(district.tidy(), (0, 1));
    let mut ministry = Office::new("000000");
    ministry.now = district.now;
    let (answer, id) = ministry.file(refers(draft(Kind::Approval, &["420100"]), asked));
    district.take("420000", &answer, vec![]);
    assert_eq!(district.tidy().0, 1, "answered");
    district.act(id, Stage::Signed);
    district.pass();
    district.later(RETENTION + DAY);
    // The answer, its 送达 and its 签收.
    assert_eq!(district.tidy(), (3, 0));
    assert_eq!(district.kinds(), BARE);
}

#[test]
fn a_directive_is_kept_while_it_asks_something_of_this_office_or_is_still_valid() {
    let mut ministry = Office::new("000000");
    let mut district = Office::new("420100");
    let (issued, id) = ministry.file(directive(&["420100"], Stage::Undertaken));
    district.take("420000", &issued, vec![]);
    district.act(id, Stage::Signed);
    district.pass();
    district.later(RETENTION + DAY);
    assert_eq!(district.tidy(), (2, 1), "the receipts go, the directive is not undertaken yet");
    district.act(id, Stage::Undertaken);
    district.pass();
    assert_eq!(district.tidy().0, 1);

    ministry.now = district.now;
    let mut valid = directive(&["420100"], Stage::Signed);
    valid.header.expires_at_us = (ministry.now + RETENTION + RETENTION).us();
    let (issued, id) = ministry.file(valid);
    district.take("420000", &issued, vec![]);
    district.act(id, Stage::Signed);
    district.pass();
    district.later(RETENTION + DAY);
    assert_eq!(district.tidy(), (3, 1), "valid until later");
    let cancel = refers(draft(Kind::Cancel, &["420100"]), id);
    ministry.now = district.now;
    district.take("420000", &ministry.file(cancel).0, vec![]);
    assert_eq!(district.tidy().0, 1, "cancelled, so no longer valid");
    district.pass();
    district.later(RETENTION + DAY);
    district.tidy();
    assert_eq!(district.kinds(), BARE);
}

#[test]
fn the_body_of_a_broadcast_stays_while_a_block_here_names_it() {
    let mut province = Office::new("420000");
    let (blocks, id) = province.file(directive(&["420100", "420500"], Stage::Signed));
    assert_eq!(blocks.len(), 2);
    province.later(RETENTION + DAY);
    let one = v1::Settlement {
        range: Some(blocks[0].run.to_proto()),
        disposition: Disposition::Taken.into(),
        ..Default::default()
    };
    province.turn(vec![Event::Answered { peer: unit("420100"), answers: vec![one] }]);
    province.arrive();
    assert_eq!(province.tidy(), (1, 2), "one copy and the body move");
    let copy = province.post.copies(id, &|place| Some(province.read(place))).pop().unwrap();
    assert_eq!(copy.channel.destination, unit("420500"));
    let body = province.post.body(&copy, &|place| Some(province.read(place)));
    assert_eq!(body.unwrap(), directive(&[], Stage::Signed).body);
    let (_, entry) = province.post.waiting(&copy.channel, copy.number).unwrap();
    assert_eq!(province.read(entry.place), blocks[1].bytes, "what waits is offered from its new place");
    province.pass();
    province.arrive();
    assert_eq!(province.tidy(), (1, 0));
    assert_eq!(province.kinds(), "mo", "the body went with the last copy");
}

#[test]
fn receipts_about_what_was_forgotten_leave_nothing_behind() {
    let (mut district, mut province) = (Office::new("420100"), Office::new("420000"));
    let (blocks, id) = district.file(draft(Kind::InitialReport, &["000000"]));
    province.take("420100", &blocks, vec![]);
    district.pass();
    district.arrive();
    district.later(RETENTION + DAY);
    assert_eq!(district.tidy(), (1, 0));
    province.act(id, Stage::Signed);
    let signature = province.journal.iter().rev().find_map(|(_, record)| match &record.fact {
        Some(Fact::Filed(filed)) => Some(Block::trusted(filed.block.clone()).unwrap()),
        _ => None,
    });
    district.take("420000", &[signature.unwrap()], vec![]);
    assert!(district.kinds().contains('l'), "it is about a document that is not here");
    district.later(RETENTION + DAY);
    assert_eq!(district.tidy(), (1, 0));
    assert_eq!(district.kinds(), BARE);
}

#[test]
fn a_key_is_forgotten_with_its_document_unless_it_was_given_a_new_meaning() {
    let mut district = Office::new("420100");
    let keyed = || Draft { key: Some("key".into()), ..draft(Kind::InitialReport, &["000000"]) };
    let (_, first) = district.file(keyed());
    assert_eq!(district.file(keyed()).1, first, "the same key, the same document");
    let (_, held) = district.file(draft(Kind::InitialReport, &["000000"]));
    assert_ne!(held, first);
    district.pass();
    district.arrive();
    district.later(RETENTION + DAY);
    assert_eq!(district.tidy(), (2, 0));
    let (_, second) = district.file(keyed());
    assert_ne!(second, first);
    assert_eq!(district.tidy(), (0, 0));
    assert_eq!(district.file(keyed()).1, second, "a key goes with its own document only");
}

#[test]
fn rows_are_the_same_when_the_journal_is_read_again() {
    let (mut district, mut province) = (Office::new("420100"), Office::new("420000"));
    for _ in 0..5 {
        let (blocks, id) = district.file(draft(Kind::InitialReport, &["000000"]));
        province.take("420100", &blocks, vec![]);
        province.act(id, Stage::Signed);
        province.pass();
        province.arrive();
        province.later(RETENTION / 2);
        district.later(RETENTION / 2);
        province.tidy();
    }
    let me = province.post.me().clone();
    let mut again = Post::load(me, Box::new(MemoryBase::default()));
    let mut replay = Replay::default();
    for (place, record) in province.journal.clone() {
        replay.feed(record, place, &mut again);
    }
    // Marks of arrival were not in the journal here.
    let mut rows = province.post.rows_mut().everything();
    rows.retain(|(key, row)| key[0] != b'd' || keys::MarkRow::decode(row.as_slice()).unwrap().stage.is_some());
    assert_eq!(again.rows_mut().everything(), rows);
}

#[test]
fn an_incident_is_open_until_it_has_ended_and_this_office_has_judged_it() {
    let mut office = Office::new("420100");
    let (_, first) = office.file(report(Kind::InitialReport, None));
    let (_, second) = office.file(report(Kind::InitialReport, None));
    let (_, third) = office.file(report(Kind::InitialReport, None));
    assert_eq!(office.open(), [third, second, first], "the newest first");
    let page = |before| office.post.open_incidents(before, 1).first().copied();
    assert_eq!(page(page(page(None))).unwrap().incident, first, "a page at a time");
    assert_eq!(page(page(page(page(None)))), None);
    office.file(report(Kind::FinalReport, Some(first)));
    assert!(office.open().contains(&first), "it is still to be judged");
    office.file(report(Kind::Assessment, Some(first)));
    office.file(report(Kind::Assessment, Some(second)));
    assert_eq!(office.open(), [third, second], "what goes on stays open");
    office.file(report(Kind::FinalReport, Some(second)));
    office.file(refers(draft(Kind::Cancel, &["000000"]), third));
    assert_eq!(office.open(), [], "the other way round is as good; and one was none");
}

#[test]
fn incidents_that_began_together_cost_one_row_and_end_one_by_one() {
    let mut office = Office::new("420100");
    let drafts = (0..5).map(|_| report(Kind::InitialReport, None)).collect();
    let turn = office.turn(vec![Event::File { ticket: 1, drafts }]);
    let began: Vec<_> = turn.answers[0].1.as_ref().unwrap().iter().map(|filing| filing.id).collect();
    assert_eq!(office.post.rows_mut().prefix(keys::OPEN, 9).len(), 1);
    let pages = |office: &Office| {
        let mut pages = Vec::new();
        let mut last = None;
        while let [page @ .., end] = office.post.open_incidents(last, 2).as_slice() {
            pages.push(page.iter().chain([end]).map(|opened| opened.incident).collect::<Vec<_>>());
            last = Opened::from_slice(&end.to_bytes());
        }
        pages
    };
    assert_eq!(pages(&office), [vec![began[4], began[3]], vec![began[2], began[1]], vec![began[0]]]);
    let last = office.post.open_incidents(None, 2).last().copied();
    office.file(refers(draft(Kind::Cancel, &["000000"]), began[3]));
    let next = office.post.open_incidents(last, 9);
    assert_eq!(next.first().unwrap().incident, began[2], "what the page ended with is gone, and nothing is skipped");
    for incident in [began[0], began[1], began[2], began[4]] {
        office.file(refers(draft(Kind::Cancel, &["000000"]), incident));
    }
    assert_eq!(office.post.rows_mut().prefix(keys::OPEN, 9), []);
}

#[test]
fn an_end_that_overtakes_its_beginning_opens_nothing() {
    let (mut district, mut province) = (Office::new("420100"), Office::new("420000"));
    let (opened, first) = district.file(report(Kind::InitialReport, None));
    let mut cancel = refers(draft(Kind::Cancel, &["000000"]), first);
    cancel.precedence = Precedence::TeTi;
    let (cancelled, _) = district.file(cancel);
    province.take("420100", &cancelled, vec![]);
    province.take("420100", &opened, vec![]);
    assert_eq!(province.open(), []);
}

#[test]
fn a_directive_beside_an_incident_is_found_with_it_and_goes_with_it() {
    let mut office = Office::new("420000");
    let (_, first) = office.file(report(Kind::InitialReport, None));
    let mut order = Draft { beside_incident: true, ..directive(&["420100"], Stage::Signed) };
    order.header.incident = first.to_bytes();
    let (_, id) = office.file(order);
    let beside: Vec<_> = office
        .post
        .beside(first, &|place| Some(office.read(place)))
        .iter()
        .map(|copy| (copy.id(), copy.header.position))
        .collect();
    assert_eq!(beside, [(id, 0)]);
    office.file(report(Kind::FinalReport, Some(first)));
    office.pass();
    office.arrive();
    office.later(RETENTION + DAY);
    assert_eq!(office.tidy(), (3, 0));
    assert_eq!(office.kinds(), "mo");
}

#[test]
fn policies_of_the_ministry_stay_for_ever_and_those_of_others_are_none() {
    let mut district = Office::new("420100");
    let release = |from: &mut Office, status: Status| {
        let mut draft = draft(Kind::PolicyRelease, &["420100"]);
        draft.header.status = status.into();
        from.file(draft)
    };
    let mut ministry = Office::new("000000");
    let (drill, _) = release(&mut ministry, Status::Exercise);
    let (real, id) = release(&mut ministry, Status::Actual);
    let (usurped, _) = release(&mut Office::new("420000"), Status::Actual);
    for blocks in [&drill, &real, &usurped] {
        district.take("420000", blocks, vec![]);
    }
    assert_eq!(district.post.releases().iter().copied().collect::<Vec<_>>(), [id]);
    assert_eq!(district.post.release(id, &|place| Some(district.read(place))).unwrap().id(), id);
    district.later(RETENTION + RETENTION);
    district.tidy();
    assert_eq!(district.post.releases().len(), 1);
}
