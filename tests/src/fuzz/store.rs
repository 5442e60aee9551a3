//! What lies on disk: records, segments, the baseline.

use std::{fs, sync::Arc};

use node::{
    post::{
        Me, Post,
        envelope::Place,
        fact::{Abandoned, Answered, Fact, Filed, Forgotten, Gone, Hole, Moved, Opened, Record, Replay, Taken},
        rows::MemoryBase,
        seal::Tip,
    },
    store::{
        baseline::{self, BaselineError},
        index,
        journal::{Journal, JournalError, JournalId, Options, Position, Span},
    },
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1::{self, Precedence};

use super::wire;

/// Records one after the other, each behind its length.
pub(super) fn journals() -> Vec<Vec<u8>> {
    let up = wire::channel("420100", "000000", Precedence::TeJi);
    let own = wire::channel("420000", "000000", Precedence::TeJi);
    let block = wire::sealed(&up, &mut Tip::default(), 2, false);
    let range = Some(block.run.to_proto());
    let filed = wire::sealed(&own, &mut Tip::default(), 1, false);
    let facts = [
        Fact::Opened(Opened { epoch: vec![3; 16].into(), reason: "new store".into() }),
        Fact::Filed(Filed { block: filed.bytes.clone(), keys: Vec::new() }),
        Fact::Taken(Taken { block: block.bytes, from: "420100".into(), ..Default::default() }),
        Fact::Answered(Answered {
            peer: "000000".into(),
            range: range.clone(),
            disposition: v1::Disposition::Taken.into(),
            ..Default::default()
        }),
        Fact::Moved(Moved { peer: "000000".into(), range: range.clone() }),
        Fact::Gone(Gone { peer: "420100".into(), range }),
        Fact::Forgotten(Forgotten { rows: vec![vec![b'a']], envelopes: 1 }),
        Fact::Hole(Hole { segment: 1, offset: 4096, to_segment: 2, to_offset: 4096 }),
        Fact::Abandoned(Abandoned { records: 1 }),
    ];
    let mut bytes = Vec::new();
    for fact in facts {
        let record = Record { at_us: 1_700_000_000_000_000, fact: Some(fact), ends_turn: true };
        bytes.extend(record.encode_length_delimited_to_vec());
    }
    vec![bytes]
}

const TREE: &str = "[network]\nname = \"t\"\ntrust_domain = \"t\"\n[[station]]\nunit = \"000000\"\ntier = \"ministry\"\nname = \"部\"\n[[station]]\nunit = \"420000\"\ntier = \"province\"\nname = \"湖北\"\nparent = \"000000\"\n[[station]]\nunit = \"420100\"\ntier = \"district\"\nname = \"武汉\"\nparent = \"420000\"\n";

/// Facts that are whole and make no sense are folded all the same, and what they came to can be looked at.
pub(super) fn records(mut bytes: &[u8]) {
    let me = Me { unit: Unit::parse("420000").unwrap(), topology: Arc::new(Topology::parse(TREE).unwrap()) };
    let mut post = Post::load(me, Box::new(MemoryBase::default()));
    let mut replay = Replay::default();
    let mut at = 0;
    while let Ok(record) = Record::decode_length_delimited(&mut bytes) {
        replay.feed(record, Place { segment: at, offset: 0, length: 1 }, &mut post);
        at += 1;
    }
    let read = |_: Place| None;
    let (losses, gaps) = (post.losses().len() as u64, post.gaps().take(100).count());
    assert!(losses <= 2 * at && gaps <= 100);
    post.newest(10).into_iter().for_each(|arrival| _ = post.block_copies(arrival, &read));
    post.heard_of(&Unit::parse("420100").unwrap());
}

const SEGMENT: u32 = 8 * 1024;

fn options() -> Options {
    Options { segment_bytes: SEGMENT, spare: 1, fresh_id: JournalId([7; 16]) }
}

fn written() -> Vec<Vec<u8>> {
    (1..5u8).map(|n| vec![n; 100 * usize::from(n)]).collect()
}

pub(super) fn segments() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, ..) = Journal::open(dir.path(), options()).unwrap();
    written().chunks(2).for_each(|batch| _ = journal.append(batch).unwrap());
    drop(journal);
    vec![fs::read(dir.path().join("0000000001.seg")).unwrap()]
}

/// Whatever a segment has become, what is read from it is what was written to it.
pub(super) fn segment(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("0000000001.seg"), bytes).unwrap();
    let Ok((mut journal, ..)) = Journal::open(dir.path(), options()) else { return };
    let (written, mut at) = (written(), Position::START);
    loop {
        let replayed = journal.replay(at, |_, payload| {
            assert!(written.iter().any(|known| known == payload), "a record that nobody wrote");
            Ok::<_, JournalError>(())
        });
        match replayed {
            Err(JournalError::Damaged(damage)) => {
                assert!(damage.resume > damage.at);
                at = damage.resume;
            }
            Ok(()) => break,
            Err(error) => panic!("it was opened and cannot be read: {error}"),
        }
    }
    journal.append(&[vec![9; 9]]).unwrap();
}

fn rows() -> index::Rows {
    (0..300u32).map(|n| (n.to_be_bytes().to_vec(), Some(vec![7; n as usize % 40]))).collect()
}

pub(super) fn baselines() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let journal = Span { id: JournalId([3; 16]), oldest: Position::start_of(1), end: Position::start_of(9) };
    let options = index::Options { cache_bytes: 1 << 20, journal, shape: 5 };
    let (index, _) = index::Index::open(dir.path().join("index"), &options).unwrap();
    index.apply(&rows(), Position { segment: 7, offset: 4096 }).unwrap();
    baseline::write(&index, dir.path()).unwrap();
    vec![fs::read(dir.path().join("baseline")).unwrap()]
}

/// A baseline reads as it was written, or not at all.
pub(super) fn baseline(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("baseline"), bytes).unwrap();
    let mut read = index::Rows::new();
    let whole = baseline::read(dir.path(), |rows| {
        read.extend(rows);
        Ok::<_, BaselineError>(())
    });
    if whole.is_ok() {
        assert_eq!(read, rows(), "it reads, and says something else");
    }
}
