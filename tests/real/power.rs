//! Taking the power away: from the file system (`shutdown.c`), and from a disk with a cache (`volatile.c`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::{linux::fs::MetadataExt as _, unix::fs::FileExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use node::topology::Unit;
use tests::{country::Country, dice::Dice};

use crate::{
    ground::{Ground, run},
    helpers,
};

/// What a disk writes as a whole at the most.
const SECTOR: u64 = 512;
/// Bytes of a note in front of what it keeps: see `volatile.c`.
const NOTE: usize = 32;
const WROTE: u32 = 1;
const SYNCED: u32 = 2;

/// The two helpers, built.
pub(crate) struct Power {
    shutdown: PathBuf,
    volatile: PathBuf,
}

impl Power {
    /// Builds the helpers into a folder.
    pub(crate) fn build(into: &Path) -> Self {
        let (shutdown, volatile) = (helpers::program("shutdown", into), helpers::shim("volatile", into));
        Self { shutdown, volatile }
    }

    /// From its next start on, a station's disk has a cache.
    pub(crate) fn put_cache_under(&self, country: &mut Country, ground: &Ground, unit: &Unit) {
        country.set_environment(unit, "LD_PRELOAD", &self.volatile);
        country.set_environment(unit, "VOLATILE_ROOT", ground.at(unit));
        country.set_environment(unit, "VOLATILE_LOG", &country.path(unit, "cache"));
    }

    /// Power is lost at these stations at the same moment. Says how many sectors were in a cache, and how many of them
    /// are lost.
    pub(crate) fn cut(&self, country: &mut Country, ground: &Ground, units: &[Unit], dice: &mut Dice) -> (u64, u64) {
        let mounts: Vec<_> = units.iter().map(|unit| ground.at(unit).as_os_str()).collect();
        run(self.shutdown.to_str().unwrap(), &mounts);
        let (mut unsynced, mut lost) = (0, 0);
        for unit in units {
            country.kill(unit);
            ground.remount(unit);
            // All of what was in the cache is lost, none of it, or some here and there.
            let percent = *dice.pick(&[0, 50, 90, 100]);
            let cache = Cache::read(&country.path(unit, "cache"));
            let taken = cache.take_back(ground.at(unit), percent, dice);
            (unsynced, lost) = (unsynced + taken.0, lost + taken.1);
        }
        (unsynced, lost)
    }

    /// The same at one station, and all that was in its cache is lost.
    pub(crate) fn cut_entirely(&self, country: &mut Country, ground: &Ground, unit: &Unit) {
        run(self.shutdown.to_str().unwrap(), &[ground.at(unit).as_os_str()]);
        country.kill(unit);
        ground.remount(unit);
        Cache::read(&country.path(unit, "cache")).take_back(ground.at(unit), 100, &mut Dice::new(0));
    }
}

/// What a disk's cache held when the power went.
struct Cache {
    /// Oldest first.
    writes: Vec<Write>,
}

/// Which file: its inode, and when that was born.
type Which = (u64, u64);

struct Write {
    file: Which,
    at: u64,
    old: Vec<u8>,
}

impl Cache {
    /// Reads what `volatile.c` noted. A last note that is not whole is of a write that never began.
    fn read(log: &Path) -> Self {
        let log = fs::read(log).unwrap_or_default();
        let word = |at: usize| u64::from_le_bytes(log[at..at + 8].try_into().unwrap());
        let half = |at: usize| u32::from_le_bytes(log[at..at + 4].try_into().unwrap());
        let mut writes: Vec<(u64, Write)> = Vec::new();
        let mut safe: BTreeMap<Which, u64> = BTreeMap::new();
        let mut at = 0;
        while at + NOTE <= log.len() {
            let (kind, length) = (half(at), half(at + 4) as usize);
            let (file, place) = ((word(at + 8), word(at + 16)), word(at + 24));
            let Some(old) = log.get(at + NOTE..at + NOTE + length) else { break };
            match kind {
                WROTE => writes.push((at as u64, Write { file, at: place, old: old.to_vec() })),
                SYNCED => _ = safe.insert(file, place),
                _ => panic!("not a log of volatile.c"),
            }
            at += NOTE + length;
        }
        writes.retain(|(noted, write)| safe.get(&write.file).is_none_or(|safe| noted >= safe));
        Self { writes: writes.into_iter().map(|(_, write)| write).collect() }
    }

    /// So much of what was not synced is as it was before, sector by sector, as the dice fall. Says how many sectors that
    /// could be, and how many it was.
    fn take_back(&self, below: &Path, percent: u64, dice: &mut Dice) -> (u64, u64) {
        let mut files = BTreeMap::new();
        index(below, &mut files);
        let (mut kept, mut lost) = (BTreeSet::new(), BTreeSet::new());
        for write in self.writes.iter().rev() {
            let Some(path) = files.get(&write.file) else { continue };
            let file = File::options().write(true).open(path).unwrap();
            let end = write.at + write.old.len() as u64;
            for sector in write.at / SECTOR..end.div_ceil(SECTOR) {
                let place = (write.file, sector);
                // What a later write left on the disk includes what was written there before.
                if kept.contains(&place) {
                    continue;
                }
                if !lost.contains(&place) && !dice.chance(percent) {
                    kept.insert(place);
                    continue;
                }
                lost.insert(place);
                let (from, to) = (write.at.max(sector * SECTOR), end.min((sector + 1) * SECTOR));
                let old = (from - write.at) as usize..(to - write.at) as usize;
                file.write_all_at(&write.old[old], from).unwrap();
            }
            // It never was on the disk, and the next cut must not bring it back.
            file.sync_all().unwrap();
        }
        ((kept.len() + lost.len()) as u64, lost.len() as u64)
    }
}

fn index(below: &Path, files: &mut BTreeMap<Which, PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            index(&entry.path(), files);
        } else {
            let born = metadata.created().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos();
            files.insert((metadata.st_ino(), u64::try_from(born).unwrap()), entry.path());
        }
    }
}
