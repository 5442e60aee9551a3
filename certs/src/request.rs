//! A request for a certificate contributes its key, and nothing else.
//!
//! What else it asks for (a name, an authority's rights, a century) is not even parsed: it is the wish of whoever
//! holds the key, and a library that copies wishes into certificates has signed them.

use rcgen::{PublicKeyData, SubjectPublicKeyInfo};
use x509_parser::{certification_request::X509CertificationRequest, pem::Pem, prelude::FromDer};

use crate::{
    error::{Error, Result},
    profile::Usage,
};

/// The key of a request, if its owner signed the request with it and it is of the right kind.
pub(crate) fn public_key(csr_pem: &str, usage: Usage) -> Result<SubjectPublicKeyInfo> {
    let pem = Pem::iter_from_buffer(csr_pem.as_bytes()).next().and_then(|read| read.ok());
    let pem = pem.filter(|pem| pem.label.ends_with("CERTIFICATE REQUEST")).ok_or(Error::RequestShape)?;
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).map_err(|_| Error::RequestShape)?;
    request.verify_signature().map_err(|_| Error::RequestUnproven)?;
    let key = SubjectPublicKeyInfo::from_der(request.certification_request_info.subject_pki.raw)
        .map_err(|_| Error::RequestKey { usage })?;
    if key.algorithm() == usage.algorithm() { Ok(key) } else { Err(Error::RequestKey { usage }) }
}
