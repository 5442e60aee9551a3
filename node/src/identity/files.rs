//! Reading an identity directory: what a file must hold, and what to do when it does not.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{chain::BadChain, leaf::BadLeaf, spiffe::SpiffeId};

/// Why a directory is not a station's identity. Every text names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not there, or not ours to read.
    #[error("cannot read {}: {source}; put the station's bundle from `zhuji-certs` there, readable by the service user", .file.display())]
    Unread {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else than what its name promises.
    #[error("{} holds no {expected} in PEM; copy the station's bundle from `zhuji-certs` again", .file.display())]
    Shape {
        /// Which file.
        file: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// No station's certificate.
    #[error("{} is not a station's certificate: {source}; issue it again with `zhuji-certs issue`", .file.display())]
    Leaf {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: BadLeaf,
    },
    /// From other authorities than the ones beside it.
    #[error("{} does not lead to root.pem: {source}; the files are from different bundles, copy one bundle whole", .file.display())]
    Chain {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: BadChain,
    },
    /// Not the key of the certificate.
    #[error("{} is not the key of {}; copy both from one bundle", .key.display(), .certificate.display())]
    OtherKey {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// A kind of key links and seals are not made with.
    #[error("{} is not {expected}; issue it again with `zhuji-certs issue`", .file.display())]
    KeyKind {
        /// Which file.
        file: PathBuf,
        /// What it must be.
        expected: &'static str,
    },
    /// An exercise's certificate on the real network, or the reverse.
    #[error("{} is for {id}, and the topology's trust domain is {expected}; use the bundle of this network", .file.display())]
    Network {
        /// Which file.
        file: PathBuf,
        /// Whose it is.
        id: SpiffeId,
        /// What the topology says.
        expected: String,
    },
    /// The topology has no such station.
    #[error("{} is for {id}, which has no such place in the topology; use the topology it was issued for", .file.display())]
    Place {
        /// Which file.
        file: PathBuf,
        /// Whose it is.
        id: SpiffeId,
    },
    /// Two bundles mixed, or the directory of another station.
    #[error("{} is for {id}, and this station is {expected}; copy one bundle whole", .file.display())]
    OtherStation {
        /// Which file.
        file: PathBuf,
        /// Whose it is.
        id: SpiffeId,
        /// Who we are.
        expected: SpiffeId,
    },
}

/// Every certificate of a file, at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let shape = || IdentityError::Shape { file: file.to_owned(), expected: "certificate" };
    let found = CertificateDer::pem_slice_iter(&read(file)?).collect::<Result<Vec<_>, _>>().map_err(|_| shape())?;
    if found.is_empty() { Err(shape()) } else { Ok(found) }
}

/// The private key of a file.
pub(super) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    PrivateKeyDer::from_pem_slice(&read(file)?)
        .map_err(|_| IdentityError::Shape { file: file.to_owned(), expected: "private key" })
}

/// Whether others than its owner may read a file.
pub(super) fn is_open_to_others(file: &Path) -> Result<bool, IdentityError> {
    let about = std::fs::metadata(file).map_err(|source| IdentityError::Unread { file: file.to_owned(), source })?;
    Ok(about.permissions().mode() & 0o077 != 0)
}

fn read(file: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(file).map_err(|source| IdentityError::Unread { file: file.to_owned(), source })
}
