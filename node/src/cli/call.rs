//! One call of the command line: who asks, in which language, where the station is, and where the answer goes.
//! Data goes to stdout, words and progress to stderr.

use std::{
    cell::RefCell,
    fmt,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use clap::ArgMatches;
use indicatif::{ProgressBar, ProgressStyle};
use proto::v1::{DocumentView, GetRequest, StatusRequest, StatusView, UnitsRequest};

use tokio::sync::Notify;

use super::{
    args, ask,
    exit::{Exit, Failure},
    names::Names,
    paint,
    words::Words,
};
use crate::{
    desk::client::{self, Station},
    io::{Io, Machine, Timestamp},
    topology::Tier,
};

/// Where a call's answer goes.
pub struct Streams {
    /// Data.
    pub data: Box<dyn Write>,
    /// Words and progress.
    pub words: Box<dyn Write>,
}

impl Streams {
    /// The process's own.
    pub fn standard() -> Self {
        Self { data: Box::new(io::stdout()), words: Box::new(io::stderr()) }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

/// What every verb is given.
#[derive(Debug)]
pub struct Call {
    /// Whose command line this is.
    pub tier: Tier,
    /// What people read.
    pub words: Words,
    /// Where the station listens for its own people.
    pub socket: PathBuf,
    /// The station's configuration.
    pub config: PathBuf,
    /// For machines.
    pub json: bool,
    /// For machines, an object a line.
    lines: bool,
    /// Numbers only.
    pub quiet: bool,
    /// Do not ask whether it is meant.
    pub yes: bool,
    /// Whether a person can be asked.
    pub ask: bool,
    officer: RefCell<Option<String>>,
    paint: bool,
    streams: RefCell<Streams>,
    names: RefCell<Names>,
    on_interrupt: RefCell<Option<String>>,
    listen: Notify,
}

impl Call {
    /// Reads the flags all verbs share.
    pub fn new(tier: Tier, words: Words, given: &ArgMatches, streams: Streams) -> Self {
        let path = |name, or: PathBuf| given.get_one::<PathBuf>(name).cloned().unwrap_or(or);
        let plain = args::text(given, "no-color").is_some_and(|text| !text.is_empty());
        let paint = match args::text(given, "color") {
            Some("always") => true,
            Some("never") => false,
            _ => !plain && io::stdout().is_terminal(),
        };
        Self {
            tier,
            socket: path("socket", default_socket(tier)),
            config: path("config", default_config(tier)),
            json: given.get_flag("json") || given.get_flag("jsonl"),
            lines: given.get_flag("jsonl"),
            quiet: given.get_flag("quiet"),
            yes: given.get_flag("yes"),
            ask: io::stdin().is_terminal() && io::stderr().is_terminal() && !given.get_flag("no-input"),
            officer: RefCell::new(args::text(given, "officer").map(|name| name.trim().to_owned())),
            paint,
            streams: RefCell::new(streams),
            names: RefCell::default(),
            on_interrupt: RefCell::new(None),
            listen: Notify::new(),
            words,
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Machine.now()
    }

    /// The name of this binary, as people type it.
    pub fn program(&self) -> &'static str {
        program(self.tier)
    }

    /// Who speaks for the office; asked for once where somebody can be. Without a name nothing is said in its name.
    pub fn officer(&self) -> Result<String, Failure> {
        let known = self.officer.borrow().clone().filter(|name| !name.is_empty());
        if let Some(name) = known {
            return Ok(name);
        }
        if !self.ask {
            return Err(Failure::new(Exit::NotPermitted, self.words.text("fail-officer"))
                .remedy(self.words.text("fail-officer-remedy")));
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let name = ask::until(self, &self.words.text("ask-officer"), some)?;
        self.officer.replace(Some(name.clone()));
        Ok(name)
    }

    /// Speaks with the station until the work is done or, where that was prepared for, Ctrl-C is pressed.
    pub fn online<T>(&self, work: impl AsyncFnOnce(&mut Station) -> Result<T, Failure>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        runtime.block_on(async {
            let all = async {
                let mut station = client::connect(&self.socket).await.map_err(|error| self.unreachable(&error))?;
                self.learn_names(&mut station).await;
                work(&mut station).await
            };
            tokio::select! {
                done = all => done,
                () = self.ctrl_c() => Err(self.interrupted()),
            }
        })
    }

    /// What Ctrl-C does not undo, said if it is pressed from now on. Until then it ends the process as it ends any:
    /// once caught it stays caught, and a question asked later could not be left.
    pub fn say_on_interrupt(&self, sentence: String) {
        *self.on_interrupt.borrow_mut() = Some(sentence);
        self.listen.notify_one();
    }

    async fn ctrl_c(&self) {
        self.listen.notified().await;
        if tokio::signal::ctrl_c().await.is_err() {
            // Nobody can press it then; the work ends by itself.
            std::future::pending::<()>().await;
        }
    }

    fn interrupted(&self) -> Failure {
        Failure::new(Exit::Interrupted, self.on_interrupt.take().unwrap_or_default())
    }

    fn unreachable(&self, error: &client::Unreachable) -> Failure {
        Failure::unreachable(error, self.program(), &self.socket.display().to_string(), &self.words)
    }

    /// The station's answer, or why there is none.
    pub fn answer<T>(&self, answer: Result<tonic::Response<T>, tonic::Status>) -> Result<T, Failure> {
        answer.map(tonic::Response::into_inner).map_err(|status| self.failure(&status))
    }

    /// Why the station said no.
    pub fn failure(&self, status: &tonic::Status) -> Failure {
        Failure::of(status, &self.words, &self.names.borrow(), self.program())
    }

    /// How the station is.
    pub async fn status(&self, station: &mut Station) -> Result<StatusView, Failure> {
        self.answer(station.get_status(StatusRequest {}).await)
    }

    /// What offices are called.
    pub(super) fn names(&self) -> Names {
        self.names.borrow().clone()
    }

    /// Names are a courtesy: a station too old to tell them is still spoken to, and units show by their ids.
    async fn learn_names(&self, station: &mut Station) {
        if let Ok(units) = station.list_units(UnitsRequest {}).await {
            self.names.replace(Names::of(units.into_inner(), self.words.lang()));
        }
    }

    /// One document as this station shows it to nobody in particular: of a text that is for officers by name, not the text.
    pub async fn document(&self, station: &mut Station, document: &str) -> Result<DocumentView, Failure> {
        let request = GetRequest { document: document.to_owned(), ..Default::default() };
        self.answer(station.get(request).await)
    }

    /// One document to be read, by whoever is at the terminal: where the text is for officers by name, that is on record.
    pub async fn read(&self, station: &mut Station, document: &str) -> Result<DocumentView, Failure> {
        let request = GetRequest { document: document.to_owned(), officer: self.reader() };
        self.answer(station.get(request).await)
    }

    /// Who reads, if he has said so: nobody is asked for his name only to look at something.
    pub(super) fn reader(&self) -> String {
        self.officer.borrow().clone().unwrap_or_default()
    }

    /// Data, for stdout.
    pub fn data(&self, text: &str) {
        let text = if self.paint { paint::marks(text) } else { text.to_owned() };
        // A reader that has seen enough (`| head`) closes the pipe; that is not a failure.
        drop(writeln!(self.streams.borrow_mut().data, "{}", text.trim_end_matches('\n')));
    }

    /// Data for machines.
    pub fn object(&self, value: &serde_json::Value) {
        drop(writeln!(self.streams.borrow_mut().data, "{value}"));
    }

    /// Many things for machines: an object a line with `--jsonl`, else one object that holds them all.
    pub fn objects(&self, each: impl Iterator<Item = serde_json::Value>, all: impl FnOnce() -> serde_json::Value) {
        if self.lines { each.for_each(|one| self.object(&one)) } else { self.object(&all()) }
    }

    /// Words, for stderr.
    pub fn word(&self, text: &str) {
        drop(writeln!(self.streams.borrow_mut().words, "{text}"));
    }

    /// A screen that is kept up to date: in place of the last one where somebody looks, one after the other elsewhere.
    pub fn redraw(&self, text: &str) {
        if !io::stdout().is_terminal() {
            return self.data(text);
        }
        // From the top, and without wrapping: a line too long for the window is cut, not folded into the next.
        drop(write!(self.streams.borrow_mut().data, "\x1b[H\x1b[2J\x1b[?7l"));
        self.data(text);
        drop(write!(self.streams.borrow_mut().data, "\x1b[?7h"));
        drop(self.streams.borrow_mut().data.flush());
    }

    /// Something that turns while a person waits. Not drawn where nobody looks.
    pub fn spinner(&self) -> ProgressBar {
        if self.json || self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        bar.set_style(style(ProgressStyle::with_template("  {spinner} {msg}")));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// Something that fills while bytes move.
    pub fn bytes_bar(&self, name: &str, length: u64) -> ProgressBar {
        if self.json || self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(length);
        bar.set_style(style(ProgressStyle::with_template(
            "  {msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        )));
        bar.set_message(super::visible::line(name));
        bar
    }
}

/// A template of ours that does not parse shows as indicatif's own; it never stops the work.
fn style(ours: Result<ProgressStyle, indicatif::style::TemplateError>) -> ProgressStyle {
    ours.unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// The name of a tier's binary.
pub fn program(tier: Tier) -> &'static str {
    match tier {
        Tier::Ministry => "ministry-hub",
        Tier::Province => "provincial-relay",
        Tier::District => "district-node",
    }
}

/// Where a tier's station listens for its own people, unless told otherwise.
pub fn default_socket(tier: Tier) -> PathBuf {
    format!("/run/zhuji/{}.sock", tier.as_str()).into()
}

/// Where a tier's configuration is, unless told otherwise.
pub fn default_config(tier: Tier) -> PathBuf {
    let name = match tier {
        Tier::Ministry => "ministry-hub",
        Tier::Province => "relay",
        Tier::District => "node",
    };
    format!("/etc/zhuji/{name}.toml").into()
}
