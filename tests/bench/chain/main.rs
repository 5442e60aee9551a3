//! What three real processes reach on this machine: mutual TLS, durable at every hop, bodies of 1 KiB.
//!
//! `cargo bench -p tests --bench chain` prints one line a figure. Times are only worth something beside the disk and
//! the machine they were taken on, so each is given with the `fdatasync` of the same run, measured in between.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be taken should end loudly")]

mod floor;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use node::{
    desk::client::{self, Station},
    topology::Unit,
};
use proto::v1::{self, Precedence, Stage};
use tests::{
    country::{Country, unit},
    papers,
};
use tokio_stream::wrappers::ReceiverStream;

/// One district, its province, the ministry.
const CHAIN: &str = r#"
[network]
name = "bench"
trust_domain = "bench.zhuji.internal"

[[station]]
unit = "000000"
tier = "ministry"
name = "司法部"
name_en = "Ministry of Justice"
endpoint = "127.0.0.1:7440"

[[station]]
unit = "420000"
tier = "province"
name = "湖北"
name_en = "Hubei"
parent = "000000"
endpoint = "127.0.0.1:7442"

[[station]]
unit = "420100"
tier = "district"
name = "武汉"
name_en = "Wuhan"
parent = "420000"
"#;
/// How often the ministry is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Reports of one bulk run.
const BULK: u64 = 400_000;
/// What goes over raw TLS beside it.
const FLOOR_KIB: usize = 512 * 1024;
/// Reports of one message to the district.
const BATCH: usize = 128;
/// Reports on their way at once, as an importing system would keep them.
const OUTSTANDING: u64 = 8_000;
/// One at a time.
const SINGLES: usize = 300;
/// The pause between two of them: longer than anything is put off.
const REST: Duration = Duration::from_millis(20);
/// 特提 under full load, one every 50 ms.
const URGENT: usize = 200;

fn main() {
    // `cargo bench` hands its own flags on; `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let country = Country::start_direct(CHAIN).await;
    let chain = Chain::of(&country).await;
    one_at_a_time(&country, &chain).await;
    saturated(&country, &chain).await;
    urgent_under_load(&country, &chain).await;
}

#[derive(Clone)]
struct Chain {
    district: Station,
    ministry: Station,
    pids: [(&'static str, u32); 3],
}

impl Chain {
    async fn of(country: &Country) -> Self {
        let [hub, province, district] = ["000000", "420000", "420100"].map(unit);
        let pid = |unit: &Unit| country.pid(unit);
        Self {
            district: country.desk(&district).await,
            ministry: country.desk(&hub).await,
            pids: [("district", pid(&district)), ("relay", pid(&province)), ("hub", pid(&hub))],
        }
    }

    async fn delivered(&self) -> u64 {
        let status = self.ministry.clone().get_status(v1::StatusRequest {}).await.unwrap().into_inner();
        status.totals.unwrap().delivered
    }

    async fn until_delivered(&self, total: u64) {
        while self.delivered().await < total {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Processor time of each process so far.
    fn busy(&self) -> [Duration; 3] {
        self.pids.map(|(_, pid)| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
            // Linux counts in hundredths of a second everywhere that matters.
            Duration::from_millis(ticks * 10)
        })
    }

    /// What each process spent on one of so many reports since then.
    fn each(&self, since: [Duration; 3], reports: u64) -> String {
        let spent = std::iter::zip(self.pids, std::iter::zip(since, self.busy()));
        let each = spent.map(|((name, _), (before, after))| {
            format!("{name} {:.2}", (after - before).as_secs_f64() * 1e6 / reports as f64)
        });
        each.collect::<Vec<_>>().join("  ")
    }
}

/// District → ministry → its 送达 durable at the district and seen by the one who filed.
async fn one_at_a_time(country: &Country, chain: &Chain) {
    let disk = Disk::beside(&country.path(&unit("420100"), "data"));
    let (mut reports, mut syncs) = (Vec::new(), Vec::new());
    let busy = chain.busy();
    for n in 0..SINGLES {
        syncs.push(disk.sync());
        let began = Instant::now();
        delivered(&chain.district, Precedence::TeTi, n).await;
        reports.push(began.elapsed());
        // Whatever the stations still have to write after that is not to disturb the next.
        tokio::time::sleep(REST).await;
    }
    let (sync, report) = (quantile(&mut syncs, 0.5), quantile(&mut reports, 0.5));
    let times = report.as_secs_f64() / sync.as_secs_f64();
    println!("fdatasync of 4 KiB                   median {}", ms(sync));
    println!(
        "one at a time, filed to 送达 seen     median {} = {times:.1} × fdatasync   p99 {}",
        ms(report),
        ms(quantile(&mut reports, 0.99))
    );
    println!("                                     CPU µs a report: {}", chain.each(busy, SINGLES as u64));
}

/// As many as go: until the ministry has the last of them on its disk, and the district its receipt.
async fn saturated(country: &Country, chain: &Chain) {
    // Before and after: a machine that others use as well is not the same from one minute to the next.
    let floor = floor::raw_tls(country, CHAIN, FLOOR_KIB);
    let before = chain.delivered().await;
    let busy = chain.busy();
    let began = Instant::now();
    let last = flood(chain, before, BULK, &AtomicBool::new(false)).await;
    chain.until_delivered(before + BULK).await;
    until_stage(&chain.district, &last).await;
    let took = began.elapsed();
    let each = chain.each(busy, BULK);
    let rate = BULK as f64 / took.as_secs_f64();
    let floor = (floor + floor::raw_tls(country, CHAIN, FLOOR_KIB)) / 2.0;
    println!("raw TLS, two hops, nothing else      {floor:.0} KiB/s");
    println!(
        "saturated, three durable hops        {rate:.0} reports/s = {:.1} % of raw TLS   CPU µs a report: {each}",
        100.0 * rate / floor
    );
}

/// 特提 while routine fills every window below it.
async fn urgent_under_load(country: &Country, chain: &Chain) {
    // Whoever imports in bulk is not the one who files something urgent: another thread, another connection.
    let pids = chain.pids;
    let sockets = ["420100", "000000"].map(|station| country.path(&unit(station), "s"));
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let importing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let district = client::connect(&sockets[0]).await.unwrap();
            let chain = Chain { district, ministry: client::connect(&sockets[1]).await.unwrap(), pids };
            let before = chain.delivered().await;
            flood(&chain, before, u64::MAX, &told).await;
        });
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = chain.delivered().await;
    let began = Instant::now();
    let disk = Disk::beside(&country.path(&unit("420100"), "data"));
    let (mut urgent, mut syncs) = (Vec::new(), Vec::new());
    for n in 0..URGENT {
        syncs.push(disk.sync());
        let filed = Instant::now();
        delivered(&chain.district, Precedence::TeTi, n).await;
        urgent.push(filed.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let load = (chain.delivered().await - before) as f64 / began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    importing.join().unwrap();
    let (sync, median) = (quantile(&mut syncs, 0.5), quantile(&mut urgent, 0.5));
    println!(
        "特提 under {load:.0} routine reports/s    median {} = {:.1} × fdatasync then   p99 {}",
        ms(median),
        median.as_secs_f64() / sync.as_secs_f64(),
        ms(quantile(&mut urgent, 0.99))
    );
}

/// Files one and waits until the district shows 送达 by the ministry.
async fn delivered(district: &Station, precedence: Precedence, n: usize) {
    let filed = district.clone().file(report(precedence, n)).await.unwrap().into_inner();
    until_stage(district, &filed.number).await;
}

async fn until_stage(district: &Station, document: &str) {
    let request = v1::GetRequest { document: document.to_owned(), ..Default::default() };
    let mut views = district.clone().watch(request).await.unwrap().into_inner();
    while let Some(view) = views.message().await.unwrap() {
        let there = |recipient: &v1::RecipientView| {
            recipient.stages.iter().any(|stage| stage.stage() == Stage::Delivered && stage.station == "000000")
        };
        if view.recipients.iter().any(there) {
            return;
        }
    }
    panic!("the district stopped answering");
}

/// Files many in batches, never more than [`OUTSTANDING`] ahead of the ministry; returns the number of the last.
async fn flood(chain: &Chain, before: u64, count: u64, stop: &AtomicBool) -> String {
    let (send, batches) = tokio::sync::mpsc::channel(4);
    let filling = async move {
        let batch = batch();
        let mut delivered = before;
        for sent in (0..count).step_by(BATCH).take_while(|_| !stop.load(Ordering::Relaxed)) {
            while before + sent > delivered + OUTSTANDING {
                tokio::time::sleep(LOOK_EVERY).await;
                delivered = chain.delivered().await;
            }
            send.send(batch.clone()).await.unwrap();
        }
        drop(send);
    };
    let answering = async {
        let mut district = chain.district.clone();
        let mut answers = district.file_many(ReceiverStream::new(batches)).await.unwrap().into_inner();
        let mut last = String::new();
        while let Some(answer) = answers.message().await.unwrap() {
            answer.filed.last().unwrap().number.clone_into(&mut last);
        }
        last
    };
    tokio::join!(filling, answering).1
}

fn batch() -> v1::FileBatch {
    v1::FileBatch { requests: (0..BATCH).map(|n| report(Precedence::Routine, n)).collect() }
}

fn report(precedence: Precedence, n: usize) -> v1::FileRequest {
    papers::report(&format!("{n:04}{}", "x".repeat(1020)), precedence)
}

/// The disk the stations write to, asked for one durable write of one page.
struct Disk(fs::File);

impl Disk {
    fn beside(directory: &Path) -> Self {
        let mut file =
            fs::File::options().create(true).truncate(true).write(true).open(directory.join("probe")).unwrap();
        file.write_all(&vec![0; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        Self(file)
    }

    fn sync(&self) -> Duration {
        let began = Instant::now();
        self.0.write_all_at(&[1; 4096], 0).unwrap();
        self.0.sync_data().unwrap();
        began.elapsed()
    }
}

fn quantile(times: &mut [Duration], at: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * at) as usize]
}

fn ms(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}
