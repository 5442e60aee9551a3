//! Somebody at a desk without a browser: forms, links and cookies over HTTPS, and not a line of script.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::country::PASSWORD;

/// Sits at the desk of one station.
#[derive(Clone)]
pub struct Visitor {
    address: SocketAddr,
    from: IpAddr,
    tls: Arc<ClientConfig>,
    /// What the station gave, by name.
    pub cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub code: u16,
    /// By lower-case name; of several with one name the last.
    pub headers: BTreeMap<String, String>,
    /// What is in it.
    pub body: String,
}

/// A form in a page: where it goes, and its fields as they stand.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// Each field: its name, what is in it, what may be chosen, what it is.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub value: String,
    /// Of a choice: what there is.
    pub choices: Vec<String>,
    /// `hidden`, `text`, `area`, `select`, `radio`, `checkbox`, `password`, `file`.
    pub kind: String,
    /// Whether it has to be filled in.
    pub required: bool,
}

impl Visitor {
    /// A stranger at a desk that trusts this network's root.
    pub fn at(address: SocketAddr, identity: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(identity.join("root.pem")).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        Self { address, from: [127, 0, 0, 1].into(), tls, cookies: BTreeMap::new() }
    }

    /// The same, from another machine.
    #[must_use]
    pub fn moved_to(&self, from: IpAddr) -> Self {
        Self { from, ..self.clone() }
    }

    /// Logs in; the page that came.
    pub async fn logs_in(&mut self, name: &str) -> Page {
        self.tries(name, PASSWORD).await
    }

    /// Tries a password.
    pub async fn tries(&mut self, name: &str, password: &str) -> Page {
        self.posts("/login", &[("name", name), ("password", password), ("back", "/")]).await
    }

    /// Opens a page.
    pub async fn gets(&mut self, path: &str) -> Page {
        self.sends("GET", path, &[], "").await
    }

    /// Sends a form as a browser sends it from a page of ours.
    pub async fn posts(&mut self, path: &str, pairs: &[(&str, &str)]) -> Page {
        self.sends("POST", path, &[("Sec-Fetch-Site", "same-origin")], &encoded(pairs)).await
    }

    /// Sends anything.
    pub async fn sends(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut stream = self.connects().await;
        stream.write_all(self.request(method, path, headers, body).as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        // A peer that closes without a farewell has said all it had to say.
        drop(stream.read_to_end(&mut bytes).await);
        let page = Page::read(&bytes);
        if let Some((name, value)) =
            page.headers.get("set-cookie").and_then(|cookie| cookie.split(';').next()?.split_once('='))
        {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        page
    }

    /// Sends a form with a file.
    pub async fn attaches(&mut self, form: &Form, name: &str, content: &str) -> Page {
        let mut body = String::new();
        for field in form.fields.iter().filter(|field| field.kind != "file" && !field.value.is_empty()) {
            let (name, value) = (&field.name, &field.value);
            body += &format!("--zzz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        let head = "Content-Disposition: form-data; name=\"_files\"";
        body += &format!("--zzz\r\n{head}; filename=\"{name}\"\r\n\r\n{content}\r\n--zzz--\r\n");
        let headers = [("Sec-Fetch-Site", "same-origin"), ("Content-Type", "multipart/form-data; boundary=zzz")];
        self.sends("POST", &form.action, &headers, &body).await
    }

    /// Listens to what is pushed until something is there, or too long has passed.
    pub async fn hears(&self, path: &str, wanted: impl Fn(&str) -> bool, within: Duration) -> Option<String> {
        let mut stream = self.connects().await;
        stream.write_all(self.request("GET", path, &[], "").as_bytes()).await.unwrap();
        let (mut heard, mut part) = (String::new(), vec![0; 16 * 1024]);
        let listening = async {
            while let Ok(read @ 1..) = stream.read(&mut part).await {
                heard.push_str(&String::from_utf8_lossy(&part[..read]));
                if wanted(&heard) {
                    return Some(heard.clone());
                }
            }
            None
        };
        tokio::time::timeout(within, listening).await.ok().flatten()
    }

    async fn connects(&self) -> TlsStream<tokio::net::TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(self.from, 0)).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let name = ServerName::from(self.address.ip());
        TlsConnector::from(self.tls.clone()).connect(name, stream).await.unwrap()
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let more = match headers.iter().any(|(name, _)| *name == "Content-Type") {
            true => more,
            false => more + "Content-Type: application/x-www-form-urlencoded\r\n",
        };
        // The old version says nothing in pieces.
        format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nCookie: {cookies}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
    }
}

impl Page {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let code = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { code, headers, body: body.to_owned() }
    }

    /// Where it sends whoever asked.
    pub fn leads_to(&self) -> &str {
        self.headers.get("location").map_or("", String::as_str)
    }

    /// The links in it.
    pub fn links(&self) -> Vec<String> {
        tags(&self.body).into_iter().filter(|tag| tag.name == "a").filter_map(|tag| tag.of("href")).collect()
    }

    /// The form that is sent to a place.
    pub fn form(&self, action: &str) -> Form {
        let mut form = None::<Form>;
        let mut text = None::<usize>;
        for tag in tags(&self.body) {
            if tag.name == "form" && tag.of("action").as_deref() == Some(action) {
                form = Some(Form { action: action.to_owned(), fields: Vec::new() });
            }
            if tag.name == "/form" && form.is_some() {
                break;
            }
            let Some(form) = &mut form else { continue };
            let named = || Field {
                name: tag.of("name").unwrap_or_default(),
                value: tag.of("value").unwrap_or_default(),
                required: tag.has("required"),
                ..Field::default()
            };
            match tag.name.as_str() {
                "input" => {
                    let kind = tag.of("type").unwrap_or_else(|| "text".to_owned());
                    let field = Field { kind: kind.clone(), ..named() };
                    if matches!(kind.as_str(), "radio" | "checkbox") {
                        let known = form.fields.iter_mut().find(|one| one.name == field.name && one.kind == kind);
                        let chosen = if tag.has("checked") { field.value.clone() } else { String::new() };
                        match known {
                            Some(known) => known.choices.push(field.value),
                            None => form.fields.push(Field { choices: vec![field.value], value: chosen, ..named() }),
                        }
                        form.fields.last_mut().unwrap().kind = kind;
                    } else {
                        form.fields.push(field);
                    }
                }
                "textarea" => {
                    form.fields.push(Field { kind: "area".into(), ..named() });
                    text = Some(tag.end);
                }
                "/textarea" => {
                    if let (Some(from), Some(field)) = (text.take(), form.fields.last_mut()) {
                        field.value = unescaped(&self.body[from..tag.start]);
                    }
                }
                "select" => form.fields.push(Field { kind: "select".into(), ..named() }),
                "option" => {
                    if let Some(field) = form.fields.last_mut().filter(|field| field.kind == "select") {
                        let value = tag.of("value").unwrap_or_default();
                        if tag.has("selected") {
                            field.value.clone_from(&value);
                        }
                        field.choices.push(value);
                    }
                }
                _ => {}
            }
        }
        form.unwrap_or_else(|| panic!("no form to {action} in {}", self.body))
    }
}

impl Form {
    /// The same with something filled in.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|field| field.name == name && field.kind != "hidden");
        field.unwrap_or_else(|| panic!("no field {name}")).value = value.to_owned();
        self
    }

    /// Sends it, as somebody.
    pub async fn sent(&self, visitor: &mut Visitor) -> Page {
        let pairs: Vec<_> = self
            .fields
            .iter()
            .filter(|field| {
                field.kind != "file" && !(field.value.is_empty() && matches!(field.kind.as_str(), "radio" | "checkbox"))
            })
            // Of boxes several may be ticked, one a line.
            .flat_map(|field| {
                let several = field.kind == "checkbox";
                let values = if several { field.value.lines().collect() } else { vec![field.value.as_str()] };
                values.into_iter().map(|value| (field.name.as_str(), value))
            })
            .collect();
        visitor.posts(&self.action, &pairs).await
    }
}

struct Tag {
    name: String,
    attributes: String,
    start: usize,
    end: usize,
}

impl Tag {
    fn of(&self, name: &str) -> Option<String> {
        let (_, rest) = self.attributes.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| unescaped(value))
    }

    fn has(&self, name: &str) -> bool {
        self.attributes.split_whitespace().any(|word| word == name)
    }
}

/// Our own pages escape every `<` and `"` in what is not markup, so this is enough.
fn tags(body: &str) -> Vec<Tag> {
    let mut all = Vec::new();
    for (start, _) in body.match_indices('<') {
        let Some(length) = body[start..].find('>') else { continue };
        let inside = &body[start + 1..start + length];
        let name = inside.split(|c: char| c.is_whitespace()).next().unwrap_or_default().to_owned();
        all.push(Tag { attributes: inside[name.len()..].to_owned(), name, start, end: start + length + 1 });
    }
    all
}

fn unescaped(text: &str) -> String {
    let pairs = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ];
    let text = pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&#38;", "&").replace("&amp;", "&")
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let each = |text: &str| {
        text.bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect::<String>()
    };
    pairs.iter().map(|(name, value)| format!("{}={}", each(name), each(value))).collect::<Vec<_>>().join("&")
}
