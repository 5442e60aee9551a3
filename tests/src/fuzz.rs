//! What bytes from outside must not do, whatever they are: one function a target, each with examples to begin with.
//!
//! A target does more than not to panic: it says what must hold. `tests/fuzz` feeds it with the kept corpus and with examples
//! bent at random.

mod office;
mod store;
mod text;
mod wire;

/// One thing that takes bytes from outside.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Well-formed examples.
    pub examples: fn() -> Vec<Vec<u8>>,
    /// Takes any bytes; panics when something does not hold.
    pub on: fn(&[u8]),
    /// How many times slower it is than the quickest.
    pub weight: u64,
}

/// All of them.
pub const TARGETS: [Target; 11] = [
    Target { name: "frame", examples: wire::frames, on: wire::frame, weight: 1 },
    Target { name: "block", examples: wire::blocks, on: wire::block, weight: 1 },
    Target { name: "certificate", examples: wire::certificates, on: wire::certificate, weight: 10 },
    Target { name: "evidence", examples: wire::evidences, on: wire::evidence, weight: 40 },
    Target { name: "office", examples: office::stories, on: office::story, weight: 40 },
    Target { name: "records", examples: store::journals, on: store::records, weight: 4 },
    Target { name: "segment", examples: store::segments, on: store::segment, weight: 500 },
    Target { name: "baseline", examples: store::baselines, on: store::baseline, weight: 20 },
    Target { name: "config", examples: text::configs, on: text::config, weight: 10 },
    Target { name: "topology", examples: text::topologies, on: text::topology, weight: 10 },
    Target { name: "names", examples: text::names, on: text::name, weight: 1 },
];

/// Reads what a story is made of from any bytes: they never run out, they end in zeros.
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn over(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    /// Mostly a small number, sometimes one near the end of what there is.
    pub(crate) fn number(&mut self) -> u64 {
        let byte = self.byte();
        match byte {
            0..200 => u64::from(byte % 16),
            200..240 => u64::MAX - u64::from(byte % 16),
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }
}
