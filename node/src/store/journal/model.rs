//! A journal beside a list of what was appended: killed, without power in the middle of a write, opened again, and with old
//! segments given up.

use std::{fs, os::unix::fs::FileExt};

use proptest::prelude::*;

use super::*;

const SEGMENT: u32 = 8 * 1024;

#[derive(Debug, Clone)]
enum Action {
    Append(Vec<usize>),
    /// The oldest segment is given up, if it may be.
    Retire,
    /// The process is killed: whatever was written is there.
    Kill,
    /// The power goes in the middle of the next commit: some of its bytes are there, in sectors, and the mark of how far the
    /// journal reached may be an old one.
    PowerCut {
        batch: Vec<usize>,
        sectors: u32,
        mark: bool,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let batch = || prop::collection::vec(1usize..2500, 1..5);
    prop_oneof![
        5 => batch().prop_map(Action::Append),
        2 => Just(Action::Retire),
        1 => Just(Action::Kill),
        2 => (batch(), any::<u32>(), any::<bool>()).prop_map(|(batch, sectors, mark)| Action::PowerCut { batch, sectors, mark }),
    ]
}

struct Trial {
    dir: tempfile::TempDir,
    open: Option<(Journal, Reader)>,
    /// What is durable and was not given up.
    model: Vec<(Place, Vec<u8>)>,
    written: usize,
    old_mark: Vec<u8>,
}

/// What a commit changed in a segment: its name, what was there, what is there.
fn part(before: &[(String, Vec<u8>)], name: String, after: Vec<u8>) -> Option<(String, Vec<u8>, Vec<u8>)> {
    let known = before.iter().find(|(known, _)| *known == name).map(|(_, old)| old.clone());
    // One that was made meanwhile was empty.
    let old = known.unwrap_or_else(|| {
        let mut blank = after.clone();
        blank[HEADER_BYTES as usize..].fill(0);
        blank
    });
    (name.ends_with(".seg") && old != after).then_some((name, old, after))
}

fn options() -> Options {
    Options { segment_bytes: SEGMENT, spare: 1, fresh_id: JournalId([7; 16]) }
}

impl Trial {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (journal, reader, _) = Journal::open(dir.path(), options()).unwrap();
        Self { dir, open: Some((journal, reader)), model: Vec::new(), written: 0, old_mark: Vec::new() }
    }

    fn journal(&mut self) -> &mut Journal {
        &mut self.open.as_mut().unwrap().0
    }

    fn payloads(&mut self, batch: &[usize]) -> Vec<Vec<u8>> {
        let payload = |(n, length): (usize, &usize)| {
            let number = u8::try_from((self.written + n) % 251).unwrap();
            vec![number + 1; *length]
        };
        let payloads = batch.iter().enumerate().map(payload).collect();
        self.written += batch.len();
        payloads
    }

    fn does(&mut self, action: Action) {
        match action {
            Action::Append(batch) => {
                let payloads = self.payloads(&batch);
                let places = self.journal().append(&payloads).unwrap();
                self.model.extend(places.into_iter().zip(payloads));
            }
            Action::Retire => {
                let span = self.journal().span();
                if self.journal().retire(span.oldest.segment).is_ok() {
                    self.model.retain(|(place, _)| place.segment > span.oldest.segment);
                }
            }
            Action::Kill => self.reopen(),
            Action::PowerCut { batch, sectors, mark } => self.lose_power(&batch, sectors, mark),
        }
        self.is_as_the_model();
    }

    /// As a disk may leave it: of the sectors that the commit wrote, any.
    fn lose_power(&mut self, batch: &[usize], sectors: u32, mark: bool) {
        self.open = None;
        let before = self.files();
        self.reopen();
        let payloads = self.payloads(batch);
        self.journal().append(&payloads).unwrap();
        self.open = None;
        let parts: Vec<_> = self.files().into_iter().filter_map(|(name, after)| part(&before, name, after)).collect();
        // The part of a batch in one segment is synced before the next one is begun: one of them is torn, those before it
        // are whole, and those behind it never were.
        let torn = sectors as usize % parts.len().max(1);
        for (nth, (name, old, after)) in parts.iter().enumerate().skip(torn) {
            let file = fs::OpenOptions::new().write(true).open(self.dir.path().join(name)).unwrap();
            let changed = old.chunks(512).zip(after.chunks(512)).enumerate().filter(|(_, (old, new))| old != new);
            for (change, (sector, (old, _))) in changed.enumerate() {
                if nth > torn || sectors >> (change % 32) & 1 == 0 {
                    file.write_all_at(old, sector as u64 * 512).unwrap();
                }
            }
        }
        let reached = self.dir.path().join("reached");
        let own = before.iter().find(|(name, _)| name == "reached").map(|(_, bytes)| bytes.clone());
        fs::write(&reached, if mark { own.unwrap_or_default() } else { self.old_mark.clone() }).unwrap();
        self.old_mark = fs::read(&reached).unwrap();
        self.reopen_after_a_cut(&payloads);
    }

    /// Every file, by name.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(Result::unwrap);
        let read = |entry: fs::DirEntry| {
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap_or_default())
        };
        let mut files: Vec<_> = entries.map(read).collect();
        files.sort();
        files
    }

    fn reopen(&mut self) {
        self.open = None;
        let (journal, reader, opened) = Journal::open(self.dir.path(), options()).unwrap();
        assert_eq!((opened.cut, opened.damage), (None, vec![]));
        self.open = Some((journal, reader));
    }

    /// Of the commit that was cut short the first records may be there, or none; nobody was told of any.
    fn reopen_after_a_cut(&mut self, payloads: &[Vec<u8>]) {
        let (journal, reader, opened) = Journal::open(self.dir.path(), options()).unwrap();
        assert_eq!(opened.damage, vec![], "what was never durable is not damage");
        let known = self.model.len();
        let mut seen = Vec::new();
        let replayed = journal.replay(Position::START, |place, payload| {
            seen.push((place, payload.to_vec()));
            Ok::<_, JournalError>(())
        });
        replayed.unwrap();
        assert!(seen.len() >= known, "{} of {known} durable records are left", seen.len());
        for ((_, payload), expected) in seen[known..].iter().zip(payloads) {
            assert_eq!(payload, expected, "what is left of a commit is its beginning");
        }
        assert!(seen.len() - known <= payloads.len());
        self.model.extend_from_slice(&seen[known..]);
        self.open = Some((journal, reader));
    }

    fn is_as_the_model(&mut self) {
        let (journal, reader) = self.open.as_ref().unwrap();
        let mut seen = Vec::new();
        let replayed = journal.replay(Position::START, |place, payload| {
            seen.push((place, payload.to_vec()));
            Ok::<_, JournalError>(())
        });
        replayed.unwrap();
        assert_eq!(seen, self.model);
        for (place, payload) in &self.model {
            assert_eq!(&reader.read(*place).unwrap()[..], payload);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_journal_is_what_a_list_says_whatever_happens_to_it(actions in prop::collection::vec(action(), 1..14)) {
        let mut trial = Trial::new();
        for action in actions {
            trial.does(action);
        }
        trial.reopen();
        trial.is_as_the_model();
    }
}
