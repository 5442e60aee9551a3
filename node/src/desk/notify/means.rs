//! How a call gets out: a file for a gateway, a webhook, a mail. Each within a time, and what went wrong in a sentence.

use std::{fs, io::Write as _, path::Path, time::Duration};

use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::header::ContentType,
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use serde_json::json;
use tonic::codegen::{Bytes, http};

use super::route::{Route, To, Waiting};
use crate::cli::terms::Listed as _;

type Web = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Longer, and somebody else had better be called.
const WITHIN: Duration = Duration::from_secs(10);

/// The ways out.
#[derive(Default)]
pub struct Means {
    web: std::sync::OnceLock<Result<Web, String>>,
}

impl Means {
    /// Carries one call out.
    pub async fn deliver(
        &self,
        route: &Route,
        number: Option<&str>,
        text: &str,
        about: &Waiting,
    ) -> Result<(), String> {
        let delivering = async {
            match &route.to {
                To::Number { spool, .. } => {
                    let number = number.ok_or("the roster has no number for now")?;
                    drop_into(spool, number, text).map_err(|error| format!("{}: {error}", spool.display()))
                }
                To::Webhook { url } => self.post(url, text, about).await,
                To::Mail { server, tls, from, to, credentials } => {
                    mail(server, *tls, (from, to), credentials.as_deref(), text).await
                }
            }
        };
        tokio::time::timeout(WITHIN, delivering).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    async fn post(&self, url: &str, text: &str, about: &Waiting) -> Result<(), String> {
        let client = self.web.get_or_init(web).as_ref().map_err(Clone::clone)?;
        let body = json!({
            "schema": "zhuji.notification/1",
            "text": text,
            "why": about.why.word(),
            "precedence": about.precedence.code(),
            "status": about.status.code(),
        });
        let request = http::Request::post(url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|error| error.to_string())?;
        let answer = client.request(request).await.map_err(|error| format!("{url}: {error}"))?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("{url} answered {}", answer.status())) }
    }
}

fn web() -> Result<Web, String> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)
        .map_err(|error| error.to_string())?;
    Ok(Client::builder(TokioExecutor::new()).build(builder.https_or_http().enable_http1().build()))
}

/// Whole or not at all: a gateway that looks in between finds no half of it.
fn drop_into(folder: &Path, number: &str, text: &str) -> std::io::Result<()> {
    let name = stamp();
    let (new, ready) = (folder.join(format!(".{name}")), folder.join(format!("{name}.txt")));
    let mut file = fs::File::create_new(&new)?;
    // A number is one line, whatever a roster says.
    let number: String = number.chars().filter(|c| !c.is_control()).collect();
    writeln!(file, "to: {number}\n\n{text}")?;
    file.sync_all()?;
    fs::rename(new, ready)
}

/// Names in the order they were made.
fn stamp() -> uuid::Uuid {
    use crate::io::{Io, Machine};
    let mut bytes = [0; 16];
    Machine.random(&mut bytes);
    bytes[..8].copy_from_slice(&Machine.now().us().to_be_bytes());
    uuid::Uuid::from_bytes(bytes)
}

async fn mail(
    server: &str,
    tls: bool,
    (from, to): (&str, &str),
    credentials: Option<&Path>,
    text: &str,
) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| format!("{server}: {error}");
    let (host, port) = server.rsplit_once(':').ok_or_else(|| format!("{server} is not host:port"))?;
    let port = port.parse().map_err(|_| format!("{server} is not host:port"))?;
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port).timeout(Some(WITHIN));
    if tls {
        let parameters = TlsParameters::new(host.to_owned()).map_err(|error| said(&error))?;
        transport = transport.tls(Tls::Required(parameters));
    }
    if let Some(file) = credentials {
        let read = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut lines = read.lines().map(str::to_owned);
        let (user, password) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        transport = transport.credentials(Credentials::new(user, password));
    }
    let message = Message::builder()
        .from(from.parse().map_err(|error| format!("{from}: {error}"))?)
        .to(to.parse().map_err(|error| format!("{to}: {error}"))?)
        .subject(text)
        .header(ContentType::TEXT_PLAIN)
        .body(text.to_owned())
        .map_err(|error| said(&error))?;
    transport.build().send(message).await.map(drop).map_err(|error| said(&error))
}

#[cfg(test)]
mod tests {
    use proto::v1::{Grade, Precedence, Status};
    use tokio::{
        io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
        net::TcpListener,
    };

    use super::*;
    use crate::{desk::notify::route::Why, post::envelope::DocId};

    fn route(to: To) -> Route {
        Route { name: "x".into(), precedences: vec![], grades: vec![], after: Duration::ZERO, drills: false, to }
    }

    fn about() -> Waiting {
        Waiting {
            about: DocId::from_slice(&[7; 16]).unwrap(),
            number: "R-420100-0919-0007".into(),
            why: Why::Unsigned,
            precedence: Precedence::TeJi,
            grade: Grade::Unspecified,
            status: Status::Actual,
            since_us: 0,
        }
    }

    #[tokio::test]
    async fn a_gateway_finds_whole_files_in_order_and_no_number_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let to = route(To::Number { spool: folder.path().into(), number: "13800000000".into() });
        for text in ["一", "二"] {
            Means::default().deliver(&to, Some("138\n0000"), text, &about()).await.unwrap();
        }
        let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let texts: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        assert_eq!(texts, ["to: 1380000\n\n一\n", "to: 1380000\n\n二\n"]);
        let nobody = Means::default().deliver(&to, None, "三", &about()).await.unwrap_err();
        assert!(nobody.contains("roster"), "{nobody}");
    }

    #[tokio::test]
    async fn a_webhook_is_told_and_a_no_is_a_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/told", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut heard = Vec::new();
            for answer in ["204 No Content", "500 No"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 4096];
                let read = stream.read(&mut bytes).await.unwrap();
                heard.push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            heard
        });
        let means = Means::default();
        let to = route(To::Webhook { url });
        means.deliver(&to, None, "收到特急件", &about()).await.unwrap();
        let no = means.deliver(&to, None, "收到特急件", &about()).await.unwrap_err();
        assert!(no.contains("500"), "{no}");
        let heard = serving.await.unwrap();
        assert!(heard[0].contains("收到特急件") && heard[0].contains("te-ji"), "{heard:?}");
        assert!(!heard[0].contains("R-420100"), "no content, and no number: {heard:?}");
    }

    #[tokio::test]
    async fn a_mail_is_handed_over_to_a_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 here\r\n").await.unwrap();
            let (mut heard, mut data) = (String::new(), false);
            while let Ok(Some(line)) = lines.next_line().await {
                heard.push_str(&line);
                heard.push('\n');
                let answer: &[u8] = match (data, line.as_str()) {
                    (true, ".") => {
                        data = false;
                        b"250 taken\r\n"
                    }
                    (true, _) => b"",
                    (false, "DATA") => {
                        data = true;
                        b"354 go on\r\n"
                    }
                    (false, "QUIT") => b"221 bye\r\n",
                    _ => b"250 ok\r\n",
                };
                write.write_all(answer).await.unwrap();
            }
            heard
        });
        let (from, to) = ("desk@hubei.example".to_owned(), "duty@hubei.example".to_owned());
        let to = route(To::Mail { server, tls: false, from, to, credentials: None });
        Means::default().deliver(&to, None, "Immediate document waiting", &about()).await.unwrap();
        let heard = serving.await.unwrap();
        assert!(
            heard.contains("RCPT TO:<duty@hubei.example>") && heard.contains("Immediate document waiting"),
            "{heard}"
        );
    }
}
