//! A limit on what a station may hold in memory: a control group, of version 1 or 2, that goes when the guard goes.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One control group.
pub(crate) struct Memory(PathBuf);

impl Memory {
    /// A process may from now on hold so many bytes, and is killed by the kernel when it needs more.
    pub(crate) fn limit(pid: u32, bytes: u64) -> Self {
        let name = format!("zhuji-{pid}");
        let old = Path::new("/sys/fs/cgroup/memory");
        let (at, most) = if old.join("memory.limit_in_bytes").exists() {
            (old.join(name), "memory.limit_in_bytes")
        } else {
            (Path::new("/sys/fs/cgroup").join(name), "memory.max")
        };
        fs::create_dir(&at).unwrap_or_else(|error| panic!("no control group at {} ({error})", at.display()));
        let memory = Self(at);
        let limit = memory.0.join(most);
        fs::write(&limit, bytes.to_string())
            .unwrap_or_else(|error| panic!("{} cannot be set ({error}): is the controller on?", limit.display()));
        fs::write(memory.0.join("cgroup.procs"), pid.to_string()).unwrap();
        memory
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // Only an empty one can go: what is in it moves back to where it was.
        let above = self.0.parent().unwrap().join("cgroup.procs");
        for pid in fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default().lines() {
            drop(fs::write(&above, pid));
        }
        drop(fs::remove_dir(&self.0));
    }
}
