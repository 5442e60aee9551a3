//! What can go wrong. Every text names what happened, to which file, and what to do.

use std::{io, path::PathBuf};

use time::OffsetDateTime;

use crate::{
    name::{StationId, readable},
    profile::Usage,
};

/// Short for this crate's results.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong here.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the text on each case says it, the fields are what it names")]
pub enum Error {
    #[error("cannot read {}: {source}; check the path, and that this user may read it", .file.display())]
    Unread { file: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}; check free space, and that this user may write there", .file.display())]
    Unwritten { file: PathBuf, source: io::Error },
    #[error("{} is already there, and nothing is ever overwritten; write to another directory, or move it away first", .file.display())]
    Exists { file: PathBuf },
    #[error("there is no authority in {}; make one with `zhuji-certs init`, or check --ca", .dir.display())]
    NoAuthority { dir: PathBuf },
    #[error("{} holds no {expected} in PEM; use the file this tool wrote", .file.display())]
    Shape { file: PathBuf, expected: &'static str },
    #[error("{} is not the key of {}; take both from one copy of the authority", .key.display(), .certificate.display())]
    OtherKey { key: PathBuf, certificate: PathBuf },
    #[error("{}: {source}; restore it from the authority's backup", .file.display())]
    AuthorityFile { file: PathBuf, source: Box<toml::de::Error> },
    #[error("the {usage} authority ended on {}; make a new authority with `zhuji-certs init`", readable(*.not_after))]
    AuthorityEnded { usage: Usage, not_after: OffsetDateTime },
    #[error("`{text}` is not a name for an authority; use 1 to 64 printable characters")]
    BadName { text: String },
    #[error("`{text}` is not a unit id; use a-z, 0-9 and -, at most 32")]
    BadUnit { text: String },
    #[error("`{text}` is not a trust domain; use a-z, 0-9 and . - _, at most 200")]
    BadTrustDomain { text: String },
    #[error("{} is not a topology: {source}", .file.display())]
    TopologyShape { file: PathBuf, source: Box<toml::de::Error> },
    #[error("{} has no station; add one [[station]] an office", .file.display())]
    TopologyEmpty { file: PathBuf },
    #[error("{} has unit {unit} twice; every office needs its own id", .file.display())]
    TopologyTwice { file: PathBuf, unit: String },
    #[error("{} is for {found}, and the authority is for {expected}; use the authority of this network", .file.display())]
    OtherNetwork { file: PathBuf, found: String, expected: String },
    #[error("{} has no place for {id}; check --tier and --unit, or add the station", .file.display())]
    NoPlace { file: PathBuf, id: StationId },
    #[error("the request is not a readable PKCS #10 request in PEM; have the station make it again")]
    RequestShape,
    #[error("the request is not signed with its own key, so it proves nothing; have the station make it again")]
    RequestUnproven,
    #[error("the request's key is not {}, which a {usage} certificate needs; have the station make it again", .usage.key_kind())]
    RequestKey { usage: Usage },
    #[error("the certificate cannot be built: {0}")]
    Build(#[from] rcgen::Error),
    #[error("the system gives no random numbers; nothing was issued")]
    NoRandom,
}
