//! What is written goes to the disk past the page cache, so it is gathered here as the disk wants it: whole pages,
//! aligned in memory. The page a commit ends in is kept, because the next commit begins in it.

/// What disks take at the least, whatever their sectors.
pub(super) const PAGE: usize = 4096;
/// A buffer that once had to hold more than this is given back.
const KEPT_BYTES: usize = 1 << 20;

/// Bytes for consecutive pages of a file.
#[derive(Debug, Default)]
pub(super) struct Pages {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Pages {
    /// Pages of zeros.
    pub(super) fn zeros(bytes: usize) -> Self {
        let mut pages = Self::default();
        pages.grow(bytes);
        pages.length = bytes;
        pages
    }

    /// Pages that begin with these bytes.
    pub(super) fn beginning_with(bytes: &[u8]) -> Self {
        let mut pages = Self::default();
        pages.put(bytes);
        pages
    }

    /// Adds bytes at the end.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.grow(self.length + bytes.len());
        let at = self.start + self.length;
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Everything so far, filled up with zeros to whole pages.
    pub(super) fn whole(&mut self) -> &[u8] {
        let whole = self.length.next_multiple_of(PAGE);
        self.grow(whole);
        self.memory[self.start + self.length..self.start + whole].fill(0);
        &self.memory[self.start..self.start + whole]
    }

    /// Keeps only the page that `length` bytes from the beginning end in, as far as they go.
    pub(super) fn keep_last(&mut self, length: usize) {
        let page = length / PAGE * PAGE;
        let last = self.start + page..self.start + length;
        if self.memory.len() > KEPT_BYTES {
            *self = Self::beginning_with(&self.memory[last]);
        } else {
            self.length = last.len();
            self.memory.copy_within(last, self.start);
        }
    }

    fn grow(&mut self, length: usize) {
        if self.start + length <= self.memory.len() {
            return;
        }
        let mut memory = vec![0; length.next_multiple_of(PAGE).next_power_of_two() + PAGE];
        let start = memory.as_ptr().align_offset(PAGE);
        memory[start..start + self.length].copy_from_slice(&self.memory[self.start..self.start + self.length]);
        (self.memory, self.start) = (memory, start);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However bytes come, what goes to the disk is aligned, whole, and what was put.
        #[test]
        fn commits_follow_each_other_page_by_page(commits in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20_000), 1..20)) {
            let mut file = Vec::new();
            let mut pages = Pages::default();
            let mut written = Vec::new();
            for commit in commits {
                let base = written.len() / PAGE * PAGE;
                pages.put(&commit);
                written.extend_from_slice(&commit);
                let whole = pages.whole();
                prop_assert_eq!((whole.as_ptr().align_offset(PAGE), whole.len() % PAGE), (0, 0));
                file.truncate(base);
                file.extend_from_slice(whole);
                pages.keep_last(written.len() - base);
                prop_assert_eq!(&file[..written.len()], &written[..]);
                prop_assert!(file[written.len()..].iter().all(|byte| *byte == 0));
            }
        }
    }
}
