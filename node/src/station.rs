//! Puts a station together from its configuration, runs it, and drains it at the end.
//!
//! The order matters: what was durable is recovered before anybody may ask; people are served before lines are up,
//! and keep being served when lines, certificates or the parent are in trouble.

mod renewal;

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, thread, time::Duration};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use proto::v1::station_server::StationServer;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;

use crate::{
    cli::words::{Lang, Words},
    config::{self, Config},
    desk::{
        api::Api,
        duties::Tally,
        notify,
        officers::Officers,
        seen::Seen,
        serving,
        status::{self, Around},
    },
    engine::{self, Engine, run::Handle},
    identity::{Identity, Seals},
    io::{Io, Machine},
    limits,
    link::{
        board::Board,
        downlink,
        pieces::Pieces,
        session::Ends,
        socket::{Sessions, Tcp},
        uplink,
    },
    post::Me,
    store::{attachments::Attachments, disk::JournalDisk},
    telemetry::{About, Health, Telemetry},
    topology::{Place, Topology},
    web,
};

/// How often gauges are set, and the page's health is fed while nothing happens.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// Runs the station a file describes until it is told to stop.
pub fn run(config: &Path) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    let topology = read_topology(&config)?;
    let place = config.position(&topology)?;
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        revision: option_env!("ZHUJI_REVISION").unwrap_or("unknown"),
        tier: place.place.tier,
        unit: config.station.unit.clone(),
    };
    let telemetry = Telemetry::start(&config.telemetry, &about)?;
    telemetry.install()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(&config, topology.clone(), place.place, &telemetry));
    // Sockets go first, so that nobody is told anything after the engine has finished.
    drop(runtime);
    telemetry.shutdown();
    ended
}

/// The tree as the station's bundle has it.
pub(crate) fn read_topology(config: &Config) -> anyhow::Result<Arc<Topology>> {
    let path = config.identity.directory.join("topology.toml");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("cannot read {}: is [identity] directory the bundle made by zhuji-certs?", path.display())
    })?;
    Ok(Arc::new(Topology::parse(&text).with_context(|| path.display().to_string())?))
}

async fn serve(config: &Config, topology: Arc<Topology>, place: &Place, telemetry: &Telemetry) -> anyhow::Result<()> {
    let told_to_look = renewal::Told::listen();
    let io: Arc<dyn Io> = Arc::new(Machine);
    let identity = Identity::load(&config.identity.directory, topology.clone())?;
    for warning in identity.warnings(io.now()) {
        tracing::warn!(%warning, "the station starts all the same: reports are taken in");
    }
    let identity = Arc::new(ArcSwap::from_pointee(identity));
    let files = Arc::new(Attachments::open(&config.station.data, config.store.reserve)?);
    let pieces = Pieces::new(files);
    let me = Me { unit: config.station.unit.clone(), topology: topology.clone() };
    let (disk, post, recovered) = JournalDisk::open(&config.station.data, &config.store, me.clone(), &*io)
        .with_context(|| format!("the store in {}", config.station.data.display()))?;
    for note in &recovered.notes {
        tracing::warn!(note, "recovered");
        telemetry.meters().observe_recovery();
    }
    let seals = Arc::new(Seals::new(identity.clone()));
    let seen = Arc::new(Seen::new(telemetry.meters(), telemetry.traces(), telemetry.health(), pieces.clone()));
    let engine = Engine::new(post, disk, io.clone(), seals.clone(), recovered.left_over, &recovered.holes)?;
    // The ministry is the archive: it keeps everything.
    let retention = (topology.root() != &me.unit).then_some(config.store.retention);
    let engine = match retention {
        Some(retention) => engine.forgetting_after(retention),
        None => engine,
    };
    let (handle, inbox) = engine::run::channel();
    let (thread, engine_ended) = on_a_thread(engine, inbox, io.clone(), seen.clone())?;

    let neighbours = topology.parent(&me.unit).into_iter().chain(topology.children(&me.unit)).cloned();
    let board = Board::new(neighbours, io.now());
    let ends = Ends {
        me: me.unit.clone(),
        engine: handle.clone(),
        board: board.clone(),
        checker: seals,
        io: io.clone(),
        heartbeat: config.link.heartbeat,
    };
    let around = Arc::new(Around {
        board: board.clone(),
        seen,
        identity: identity.clone(),
        topology: topology.clone(),
        started: io.now(),
        journal: config.station.data.join("journal"),
        tally: Tally::default(),
    });
    let idle = config.desk.as_ref().map_or(limits::IDLE, |desk| desk.idle);
    let officers = Officers::open(&config.station.data, idle, io.clone())
        .with_context(|| format!("the accounts in {}", config.station.data.display()))?;
    let api = Api {
        engine: handle.clone(),
        board,
        pieces: pieces.clone(),
        around: around.clone(),
        traces: telemetry.traces(),
        io: io.clone(),
        officers: officers.clone(),
    };
    want_what_is_missing(&handle, &pieces).await?;
    if !config.notify.routes.is_empty() {
        let words = Words::new(Lang::Zh);
        tokio::spawn(notify::keep_calling(config.notify.clone(), api.clone(), words));
    }
    if let Some(desk) = &config.desk {
        let opened = web::serve(desk, &config.identity.directory, api.clone(), officers, place.clone());
        // Whoever cannot open a page can still type, and what the neighbours bring must not wait for a browser's certificate.
        if let Err(error) = opened {
            tracing::error!("the desk in the browser is closed: {error:#}");
        }
    }
    let local = serve_people(config, api, telemetry.health())?;
    telemetry.health().ready();
    let sessions = Sessions::default();
    tokio::spawn(renewal::keep_current(told_to_look, identity.clone(), sessions.clone(), io.clone()));
    if let Some(listen) = &config.listen {
        let listener = bind(listen.address).await?;
        downlink::serve(listener, ends.clone(), pieces.clone(), identity.clone(), sessions.clone());
    }
    let position = config.position(&topology)?;
    let texts = |endpoints: &[config::Endpoint]| endpoints.iter().map(ToString::to_string).collect::<Vec<_>>();
    if !position.direct.is_empty() {
        let (to, endpoints) = (topology.root().clone(), texts(&position.direct));
        tokio::spawn(uplink::keep_direct(Tcp, ends.clone(), to, endpoints, identity.clone(), pieces.clone()));
    }
    if let Some(parent) = topology.parent(&me.unit) {
        let endpoints = texts(&position.uplinks);
        tokio::spawn(uplink::keep(Tcp, ends, parent.clone(), endpoints, identity, pieces.clone()));
    }
    if let Some(retention) = retention {
        tokio::spawn(forget_files(handle.clone(), pieces.clone(), io.clone(), retention));
    }
    tokio::spawn(measure(handle.clone(), around, io, telemetry.health()));
    tracing::info!(unit = %me.unit, version = env!("CARGO_PKG_VERSION"), replayed = recovered.replayed, "the station is up");

    let failed = tokio::select! {
        () = told_to_stop() => None,
        result = engine_ended => result.ok().and_then(Result::err),
        result = local => Some(engine::DiskFailed { what: format!("the local socket ended: {result:?}") }),
    };
    telemetry.health().unready("the station is stopping");
    handle.stop().await;
    if thread.join().is_err() {
        anyhow::bail!("the engine panicked; start the station again, it recovers from its journal");
    }
    match failed {
        Some(failure) => {
            tracing::error!(%failure, "the station stops");
            Err(failure.into())
        }
        None => Ok(()),
    }
}

type Ended = tokio::sync::oneshot::Receiver<Result<(), engine::DiskFailed>>;

/// The engine turns on a thread of its own, so that a commit never holds up a socket; and how it ended.
fn on_a_thread(
    engine: Engine<JournalDisk>,
    inbox: engine::run::Inbox,
    io: Arc<dyn Io>,
    seen: Arc<Seen>,
) -> std::io::Result<(thread::JoinHandle<()>, Ended)> {
    let (ended, engine_ended) = tokio::sync::oneshot::channel();
    let thread = thread::Builder::new().name("engine".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let result = match runtime {
            Ok(runtime) => runtime.block_on(engine::run::run(engine, inbox, io, seen)),
            Err(error) => Err(engine::DiskFailed { what: format!("the engine's clock cannot start: {error}") }),
        };
        // The receiver is gone only if the station is already ending.
        drop(ended.send(result));
    })?;
    Ok((thread, engine_ended))
}

/// The socket of the station's own people. Whoever may open it is an operator: its group decides.
fn serve_people(
    config: &Config,
    api: Api,
    health: Health,
) -> anyhow::Result<tokio::task::JoinHandle<Result<(), tonic::transport::Error>>> {
    let path = &config.local.socket;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    // A socket left by a process that was killed; a living one holds the journal's lock and we would not be here.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace the old socket {}", path.display()));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::v1::DESCRIPTORS)
        .build_v1()?;
    let station = StationServer::new(api)
        .max_decoding_message_size(4 * limits::FRAME_BYTES_MAX)
        .max_encoding_message_size(64 * limits::FRAME_BYTES_MAX);
    Ok(tokio::spawn(async move {
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let telling = tokio::spawn(serving::report(reporter, health));
        let served = Server::builder()
            .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
            .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
            .add_service(station)
            .add_service(health_service)
            .add_service(reflection)
            .serve_with_incoming(UnixListenerStream::new(listener))
            .await;
        telling.abort();
        served
    }))
}

async fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address} for the stations below: is another station using it?"))
}

/// Files that documents here name and that have not come yet: asked for again after a restart.
async fn want_what_is_missing(engine: &Handle, pieces: &Pieces) -> anyhow::Result<()> {
    let pieces = pieces.clone();
    engine
        .ask(move |desk| {
            for arrival in desk.post.newest(limits::LIST_MAX) {
                for copy in desk.post.block_copies(arrival, desk.read) {
                    let Ok(from) = crate::topology::Unit::parse(&copy.row.from) else { continue };
                    let travels = copy.header.attachments.iter().filter(|attachment| !attachment.held_back);
                    travels.for_each(|attachment| pieces.want(&from, attachment));
                }
            }
        })
        .await?;
    Ok(())
}

/// Files that no document here has any more: their documents were forgotten, or never filed.
async fn forget_files(engine: Handle, pieces: Pieces, io: Arc<dyn Io>, retention: Duration) {
    loop {
        tokio::time::sleep(limits::FORGET_FILES_EVERY.min(retention)).await;
        let now = io.now();
        let Ok(sure) = engine.ask(move |desk| desk.post.date_is_sure(now)).await else { return };
        if !sure {
            continue;
        }
        let before = now - retention;
        let files = pieces.files().clone();
        let old = tokio::task::spawn_blocking(move || files.untouched_since(before)).await;
        let old = match old {
            Ok(Ok(old)) => old,
            Ok(Err(error)) => {
                tracing::warn!(%error, "files that are not needed any more stay for now");
                continue;
            }
            Err(_) => return,
        };
        for some in old.chunks(limits::LIST_MAX) {
            let some = some.to_vec();
            let unnamed = engine
                .ask(move |desk| some.into_iter().filter(|digest| !desk.post.is_named(digest)).collect::<Vec<_>>());
            let Ok(unnamed) = unnamed.await else { return };
            if !unnamed.is_empty() {
                tracing::info!(files = unnamed.len(), "removed files that no document has any more");
            }
            let pieces = pieces.clone();
            let removed = tokio::task::spawn_blocking(move || {
                unnamed.iter().for_each(|digest| pieces.forget(digest, before));
            });
            if removed.await.is_err() {
                return;
            }
        }
    }
}

async fn measure(engine: Handle, around: Arc<Around>, io: Arc<dyn Io>, health: Health) {
    loop {
        tokio::time::sleep(MEASURE_EVERY).await;
        let meters = around.seen.meters().clone();
        let asked = engine.ask(move |desk| {
            status::measure_queues(desk, &meters);
            status::known(desk)
        });
        let Ok(known) = asked.await else { return };
        let Ok(owed) = around.tally.owed(&engine, &around).await else { return };
        health.turned();
        around.seen.latencies.tick(io.now());
        around.measure(&known, &owed, io.now());
    }
}

async fn told_to_stop() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be heard; Ctrl-C can");
            drop(tokio::signal::ctrl_c().await);
            return;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// `run`, as the command line of every tier calls it.
pub fn command(order: crate::cli::Run) -> std::process::ExitCode {
    match run(&order.config) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", order.words.say("error", &[("sentence", format!("{error:#}").into())]));
            std::process::ExitCode::FAILURE
        }
    }
}
