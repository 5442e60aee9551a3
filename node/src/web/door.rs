//! The door: TLS with the certificate of the desk, and what every request and every answer has to do with safety.

use std::{path::Path, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    extract::{Path as Segment, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// How often a renewed certificate is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// Nothing of anybody else's, nothing inline; who may frame it, and where its forms go, do not follow from the rest.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const CSS: &str = include_str!("../../assets/desk.css");
const JS: &str = include_str!("../../assets/desk.js");
const WORKER: &str = include_str!("../../assets/sw.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// The certificate browsers see, kept as the folder has it.
pub(super) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    config: RustlsConfig,
}

impl Certificate {
    pub(super) fn load(identity: &Path) -> anyhow::Result<Self> {
        let (certificate, key) = (identity.join("desk.pem"), identity.join("desk.key"));
        let config = RustlsConfig::from_config(Arc::new(read(&certificate, &key)?));
        Ok(Self { certificate, key, config })
    }

    pub(super) fn acceptor(&self) -> RustlsAcceptor {
        RustlsAcceptor::new(self.config.clone()).handshake_timeout(HANDSHAKE_WITHIN)
    }

    /// Reads it again and again; one that does not read changes nothing.
    pub(super) async fn keep_current(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match read(&self.certificate, &self.key) {
                Ok(config) => self.config.reload_from_config(Arc::new(config)),
                Err(error) => tracing::warn!(%error, "the desk goes on with the certificate it has"),
            }
        }
    }
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<ServerConfig> {
    let hint = "issue the station's bundle again with zhuji-certs, or leave [desk] out of the configuration";
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot use {} for the desk; {hint}", certificate.display()))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot use {} for the desk; {hint}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{} is not the key of {}; {hint}", key.display(), certificate.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Refuses what another site sends through an officer's browser, and dresses every answer.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && !same_origin(request.headers()) {
        tracing::warn!(path = request.uri().path(), "a request from another site was refused");
        return dressed(StatusCode::FORBIDDEN.into_response(), false);
    }
    let fixed = request.uri().path().starts_with("/assets/");
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // Whoever works on this machine has other things on it that speak plainly.
    let public = !host.starts_with("localhost");
    let mut answer = dressed(next.run(request).await, fixed);
    if public {
        let year = HeaderValue::from_static("max-age=31536000");
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    answer
}

/// Browsers say where a request comes from; old ones say at least which page.
fn same_origin(headers: &HeaderMap) -> bool {
    let said = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = said(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let host = said(header::HOST);
    match said(header::ORIGIN) {
        Some(origin) => host.is_some_and(|host| origin.strip_prefix("https://") == Some(host)),
        None => false,
    }
}

fn dressed(mut answer: Response, fixed: bool) -> Response {
    let headers = answer.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "no-referrer");
    put(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    put(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    put(header::CACHE_CONTROL, if fixed { "max-age=60" } else { "no-store" });
    answer
}

/// Style, script and icon, out of the binary.
pub(super) async fn asset(Segment(name): Segment<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "desk.css" => ("text/css; charset=utf-8", CSS),
        "desk.js" => ("text/javascript; charset=utf-8", JS),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The service worker, at the top so that it may answer for every page.
pub(super) async fn worker() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], WORKER).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn another_site_cannot_use_an_officers_browser() {
        assert!(same_origin(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(!same_origin(&headers(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://a:1"),
            ("host", "a:1")
        ])));
        assert!(!same_origin(&headers(&[("sec-fetch-site", "same-site")])));
        assert!(same_origin(&headers(&[("origin", "https://a:1"), ("host", "a:1")])));
        assert!(!same_origin(&headers(&[("origin", "https://b"), ("host", "a:1")])));
        assert!(!same_origin(&headers(&[("origin", "null"), ("host", "a:1")])));
        assert!(!same_origin(&headers(&[("host", "a:1")])), "whoever does not say is not let in");
    }

    #[test]
    fn what_every_page_loads_is_small() {
        let all = CSS.len() + JS.len();
        assert!(all < 40 * 1024, "{all} bytes of style and script");
    }
}
