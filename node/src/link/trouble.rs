//! What goes wrong with a line, in one list: a stable word each. What is noted of a line that is down begins with the
//! word, so that whoever reads it can be told in any language (`line-WORD` in `node/locales`); the details after it are
//! for those who look closer.

macro_rules! troubles {
    ($($(#[$doc:meta])* $name:ident $word:literal;)+) => {
        /// What is wrong with a line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Trouble {
            $($(#[$doc])* $name),+
        }

        impl Trouble {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word),+
                }
            }
        }
    };
}

troubles! {
    /// What is configured is not an address.
    BadAddress "bad-address";
    /// The name leads nowhere.
    UnknownHost "unknown-host";
    /// Nobody answers there.
    Unreachable "unreachable";
    /// What is sent is swallowed.
    TimedOut "timed-out";
    /// What answers is not our neighbour.
    PeerRefused "peer-refused";
    /// The neighbour does not want us.
    RefusedByPeer "refused-by-peer";
    /// Something else listens there.
    NotAStation "not-a-station";
    /// It broke off.
    BrokenOff "broken-off";
    /// It ended as it should: the neighbour stopped, or went elsewhere.
    Closed "closed";
    /// Nothing is heard any more.
    Silent "silent";
    /// It did not keep to the protocol.
    Misbehaved "misbehaved";
    /// The two are too far apart in age.
    Version "version";
    /// An operator keeps it down.
    Paused "paused";
    /// This station is ending.
    Stopping "stopping";
}

impl Trouble {
    /// The word and the details.
    pub fn says(self, details: impl std::fmt::Display) -> String {
        format!("{}: {details}", self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_troubles_share_a_word() {
        let words: std::collections::BTreeSet<_> = Trouble::ALL.iter().map(|trouble| trouble.word()).collect();
        assert_eq!(words.len(), Trouble::ALL.len());
        assert_eq!(Trouble::Silent.says("nothing heard for 9 s"), "silent: nothing heard for 9 s");
    }
}
