//! Bad days of one station: no line, no valid certificate, no room on the disk, a journal with a torn end or a hole.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use node::{
    desk::client,
    store::journal::{Journal, JournalId, Options},
    topology::Unit,
};
use proto::v1::{self, Precedence, Severity, Stage};
use tests::{
    country::{Country, eventually, unit},
    dice::Dice,
    papers,
    port::Port,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A district directly under the ministry, and nobody else.
const PAIR: &str = r#"
[network]
name = "演练"
trust_domain = "pair.test"
[[station]]
unit = "000000"
tier = "ministry"
name = "司法部"
[[station]]
unit = "820000"
tier = "district"
name = "澳门"
parent = "000000"
"#;

fn hub() -> Unit {
    unit("000000")
}

fn macau() -> Unit {
    unit("820000")
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_taken_in_without_a_line_and_with_an_expired_certificate() {
    let mut country = Country::lay(PAIR).await;
    let expired = country.issue(&macau(), "expired", -10);
    country.configure(&macau(), "directory = \"identity\"", &format!("directory = \"{}\"", expired.display()));
    country.revive(&macau());
    let mut desk = country.desk(&macau()).await;

    let submitted = country.type_at(&macau(), &papers::SUBMIT);
    let said = String::from_utf8_lossy(&submitted.stdout).into_owned();
    assert_eq!(submitted.status.code(), Some(0), "{submitted:?}");
    assert!(said.contains("已入队"), "{said}");
    let number = said.split_whitespace().find(|word| word.starts_with("R-820000-")).unwrap().to_owned();

    // The station runs, and says what is wrong with it.
    assert_eq!(country.type_at(&macau(), &["status"]).status.code(), Some(0));
    let wrong = |items: &[v1::CheckItem], group: &str| {
        items.iter().any(|item| item.group == group && item.severity() == Severity::Failure)
    };
    let items = desk.check(v1::CheckRequest { stage: "full".into() }).await.unwrap().into_inner().items;
    assert!(wrong(&items, "identity") && wrong(&items, "links") && !wrong(&items, "store"), "{items:?}");
    assert_ne!(country.type_at(&macau(), &["check"]).status.code(), Some(0));

    // With the ministry there as well, the line is refused for the certificate, and intake goes on.
    country.revive(&hub());
    eventually("the line is refused for the certificate", async || {
        let status = desk.get_status(v1::StatusRequest {}).await.ok()?.into_inner();
        status.links[0].last_failure.contains("CertificateExpired").then_some(())
    })
    .await;
    country.until_logged(&hub(), &["820000", "expired"]).await;
    let second = desk.file(papers::report("第二件", Precedence::TeTi)).await.unwrap().into_inner().number;

    // A good certificate and a new start: everything is delivered.
    assert!(country.stop(&macau()).success());
    country.configure(&macau(), &format!("directory = \"{}\"", expired.display()), "directory = \"identity\"");
    country.revive(&macau());
    let mut desk = country.desk(&macau()).await;
    for number in [number, second] {
        until_delivered(&mut desk, &number).await;
    }
    let items = desk.check(v1::CheckRequest { stage: "full".into() }).await.unwrap().into_inner().items;
    assert!(!wrong(&items, "identity") && !wrong(&items, "links"), "{items:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_in_order_loses_nothing_and_recovers() {
    let mut country = Country::lay(PAIR).await;
    country.configure(&macau(), "segment = \"4MiB\"", "segment = \"1MiB\"");
    country.revive(&macau());
    let mut desk = country.desk(&macau()).await;
    let status = desk.get_status(v1::StatusRequest {}).await.unwrap().into_inner();
    let reserve = format!("reserve = \"{}MiB\"", 2 * (status.store.unwrap().free_bytes >> 20));
    country.kill(&macau());
    country.configure(&macau(), "reserve = \"1MiB\"", &reserve);
    country.revive(&macau());
    let mut desk = country.desk(&macau()).await;
    let mut accepted = BTreeSet::new();

    // Less is free than is kept for the urgent: the routine is refused, and told why.
    let refused = desk.file(papers::report("平件一", Precedence::Routine)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(
        refused.message().starts_with("disk-nearly-full: ") && refused.message().contains("free some space"),
        "{refused}"
    );
    let typed = country.type_at(&macau(), &[&papers::SUBMIT[..], &["--precedence", "平件"]].concat());
    assert_eq!(typed.status.code(), Some(1), "{typed:?}");
    accepted.insert(desk.file(papers::report("特急一", Precedence::TeJi)).await.unwrap().into_inner().number);

    // No further segment can be made: what is ready is the reserve, and it is used up by what is urgent.
    let journal = country.path(&macau(), "data/journal");
    let blocks: Vec<PathBuf> = (3..40).map(|n| journal.join(format!("{n:010}.tmp"))).collect();
    for block in &blocks {
        fs::create_dir_all(block.join("in the way")).unwrap();
    }
    let long = "情".repeat(20_000);
    let refused = loop {
        match desk.file(papers::report(&long, Precedence::TeTi)).await {
            Ok(filed) => accepted.insert(filed.into_inner().number),
            Err(refused) => break refused,
        };
        assert!(accepted.len() < 200, "the disk is not full");
    };
    assert!(accepted.len() > 10, "only {} were taken from the reserve", accepted.len());
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(refused.message().starts_with("disk-full: ") && refused.message().contains("free some space"), "{refused}");

    // It goes on answering, and says so.
    let status = desk.get_status(v1::StatusRequest {}).await.unwrap().into_inner();
    let store = status.store.unwrap();
    assert!(!store.accepting && !store.refusing_because.is_empty(), "{store:?}");
    assert_eq!(filed_here(&mut desk).await, accepted);
    let items = desk.check(v1::CheckRequest { stage: "local".into() }).await.unwrap().into_inner().items;
    assert!(items.iter().any(|item| item.group == "store" && item.severity() == Severity::Failure), "{items:?}");
    // What comes from above waits there meanwhile.
    country.revive(&hub());
    let mut ministry = country.desk(&hub()).await;
    eventually("the line is up", async || {
        let status = ministry.get_status(v1::StatusRequest {}).await.ok()?.into_inner();
        status.links[0].up.then_some(())
    })
    .await;
    let directive = ministry.file(papers::directive(&["all"], Precedence::TeTi)).await.unwrap().into_inner().number;

    // With space again it takes everything in, without a restart and after one.
    for block in &blocks {
        fs::remove_dir_all(block).unwrap();
    }
    let filed = eventually("it takes in again", async || {
        desk.clone().file(papers::report("特提二", Precedence::TeTi)).await.ok()
    });
    accepted.insert(filed.await.into_inner().number);
    assert!(country.lives(&macau()));
    country.kill(&macau());
    country.configure(&macau(), &reserve, "reserve = \"1MiB\"");
    country.revive(&macau());
    let mut desk = country.desk(&macau()).await;
    accepted.insert(desk.file(papers::report("平件二", Precedence::Routine)).await.unwrap().into_inner().number);
    assert_eq!(filed_here(&mut desk).await, accepted);
    for number in &accepted {
        until_delivered(&mut desk, number).await;
    }
    eventually("the directive is here", async || {
        desk.get(v1::GetRequest { document: directive.clone(), ..Default::default() }).await.ok().map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_of_the_journal_is_cut_and_a_hole_in_it_is_named() {
    let mut dice = Dice::new(seed());
    let mut country = Country::lay(PAIR).await;
    country.revive(&macau());
    let mut desk = country.desk(&macau()).await;
    let mut acknowledged = BTreeSet::new();

    for trial in 0..6 {
        let load: Vec<_> = (0..20)
            .map(|n| {
                let mut desk = desk.clone();
                let text = "情".repeat(1 + n * 200);
                tokio::spawn(async move { desk.file(papers::report(&text, Precedence::TeJi)).await })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(dice.below(60) as u64)).await;
        country.kill(&macau());
        for filed in load {
            // Those still under way at the kill may be there or not: nobody was told.
            acknowledged.extend(filed.await.unwrap().ok().map(|filed| filed.into_inner().number));
        }
        let what = tear(&country.path(&macau(), "data/journal"), &mut dice);
        country.revive(&macau());
        desk = country.desk(&macau()).await;
        let here = filed_here(&mut desk).await;
        let lost: Vec<_> = acknowledged.difference(&here).collect();
        assert!(lost.is_empty(), "seed {}, trial {trial}, {what}: {lost:?} were acknowledged", seed());
    }
    assert!(acknowledged.len() > 20, "hardly anything was tried: {}", acknowledged.len());

    // A hole where something had been durable is another matter: it is named, and not passed over.
    country.kill(&macau());
    let journal = country.path(&macau(), "data/journal");
    let (segment, end) = end_of(&journal);
    let hit = 4096 + 64 + dice.below((end as usize - 4096) / 2) as u64;
    let file = fs::OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, hit).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], hit).unwrap();
    country.revive(&macau());
    let mut desk = country.desk(&macau()).await;
    let (mut here, mut damaged, mut gone) = (0, 0, 0);
    for number in &acknowledged {
        match desk
            .get(v1::GetRequest { document: number.clone(), ..Default::default() })
            .await
            .map_err(|refused| refused.code())
        {
            Ok(_) => here += 1,
            Err(tonic::Code::DataLoss) => damaged += 1,
            Err(tonic::Code::NotFound) => gone += 1,
            Err(other) => panic!("seed {}: {number}: {other}", seed()),
        }
    }
    let what = format!("seed {}, hit at {hit}: {here} here, {damaged} damaged, {gone} gone", seed());
    let store = desk.get_status(v1::StatusRequest {}).await.unwrap().into_inner().store.unwrap();
    let hole = store.losses.iter().any(|loss| loss.kind == "hole");
    assert!(here > 0, "{what}: one byte cannot cost everything");
    assert!(gone == 0 || hole, "{what}: nothing is said of a hole: {:?}", store.losses);
    assert!(damaged == 0 || store.lost_open > 0, "{what}: nothing is said of a loss");
    // And the station goes on.
    desk.file(papers::report("照常", Precedence::TeJi)).await.unwrap();
    let items = desk.check(v1::CheckRequest { stage: "local".into() }).await.unwrap().into_inner().items;
    assert_eq!(items.iter().any(|item| item.id == "records-lost"), store.lost_open > 0, "{what}: {items:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_went_through() {
    let mut country = Country::lay(PAIR).await;
    let (port, far_port) = (Port::take(), Port::take());
    let (page, far_page) = (port.address, far_port.address);
    for (station, page) in [(macau(), page), (hub(), far_page)] {
        country.configure(&station, "[telemetry]\n", &format!("[telemetry]\nmetrics = \"{page}\"\n"));
        country.configure(&station, "[telemetry]\n", "[link]\nheartbeat = \"200ms\"\n[telemetry]\n");
        country.revive(&station);
    }
    country.until_linked().await;
    let mut desk = country.desk(&macau()).await;
    let number = desk.file(papers::report("一件", Precedence::TeJi)).await.unwrap().into_inner().number;
    until_delivered(&mut desk, &number).await;
    let mut ministry = country.desk(&hub()).await;
    ministry.act(papers::act(&number, Stage::Signed, "")).await.unwrap();

    let at_the_district = [
        "zhuji_build_info",
        "zhuji_messages_total",
        "zhuji_delivery_attempts_total",
        "zhuji_link_up",
        "zhuji_link_transitions_total",
        "zhuji_link_rtt_seconds_count",
        "zhuji_peer_last_contact_timestamp_seconds",
        "zhuji_store_commit_duration_seconds_count",
        "zhuji_store_free_bytes",
        "zhuji_certificate_not_after_timestamp_seconds",
    ];
    let at_the_ministry =
        ["zhuji_messages_total", "zhuji_delivery_latency_seconds_count", "zhuji_hop_transit_seconds_count"];
    for (page, names) in [(page, &at_the_district[..]), (far_page, &at_the_ministry[..])] {
        for name in names {
            let what = format!("{name} on {page} says more than zero");
            eventually(&what, async || {
                // A crossing that took less than the clocks are known to agree is not counted; another one is.
                if *name == "zhuji_hop_transit_seconds_count" {
                    desk.clone().file(papers::report("又一件", Precedence::TeJi)).await.unwrap();
                }
                (sum(&fetch(page).await, name)? > 0.0).then_some(())
            })
            .await;
        }
    }
    let signed = |page: &str| page.lines().any(|line| line.contains(r#"stage="signed""#) && line.ends_with(" 1"));
    eventually("the signature counts where it was given", async || signed(&fetch(far_page).await).then_some(())).await;
    // Gauges that say that nothing is wrong are there as well.
    let here = fetch(page).await;
    for name in ["zhuji_queue_messages", "zhuji_queue_bytes", "zhuji_queue_oldest_message_age_seconds"] {
        assert_eq!(sum(&here, name), Some(0.0), "{name} in {here}");
    }
    assert!(sum(&here, "zhuji_peer_clock_offset_seconds").is_some(), "{here}");
}

/// What a crash in the middle of a commit may leave behind what had been committed; says what.
fn tear(journal: &Path, dice: &mut Dice) -> String {
    let (segment, end) = end_of(journal);
    let file = fs::OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    let length = file.metadata().unwrap().len();
    let end = u64::from(end);
    match dice.below(4) {
        0 => {
            // The file ends within the commit, or right behind the last one.
            let cut = end + dice.below(2000) as u64;
            file.set_len(cut.min(length)).unwrap();
            format!("{} cut at {cut}", segment.display())
        }
        1 => {
            let garbage: Vec<u8> = (0..1 + dice.below(3000)).map(|_| dice.roll().to_le_bytes()[0]).collect();
            file.write_all_at(&garbage, end).unwrap();
            format!("{} bytes of garbage at {end} of {}", garbage.len(), segment.display())
        }
        2 => {
            // A record as they are, with a bit flipped, and not all of it there.
            let mut record = vec![0; 600];
            file.read_exact_at(&mut record, 4096).unwrap();
            let bit = dice.below(record.len() * 8);
            record[bit / 8] ^= 1 << (bit % 8);
            let kept = 1 + dice.below(record.len());
            file.write_all_at(&record[..kept], end).unwrap();
            format!("{kept} bytes of a record at {end} of {}", segment.display())
        }
        _ => {
            // Whole records behind a torn one.
            let mut record = vec![0; 4000];
            file.read_exact_at(&mut record, 4096).unwrap();
            file.write_all_at(&record, end + 8 * (1 + dice.below(100) as u64)).unwrap();
            format!("stray records behind {end} of {}", segment.display())
        }
    }
}

/// The segment being written, and where what was committed ends in it. Asked of a copy: opening repairs.
fn end_of(journal: &Path) -> (PathBuf, u32) {
    let copy = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(journal).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
            names.push(path);
        }
    }
    let options = Options { segment_bytes: 4 << 20, spare: 1, fresh_id: JournalId([0; 16]) };
    let (opened, ..) = Journal::open(copy.path(), options).unwrap();
    let end = opened.span().end;
    (journal.join(format!("{:010}.seg", end.segment)), end.offset)
}

async fn until_delivered(desk: &mut client::Station, number: &str) {
    eventually(&format!("{number} is delivered"), async || {
        let view =
            desk.get(v1::GetRequest { document: number.to_owned(), ..Default::default() }).await.ok()?.into_inner();
        let stages = &view.recipients[0].stages;
        stages.iter().any(|s| s.stage() == Stage::Delivered && s.station == "000000").then_some(())
    })
    .await;
}

/// Numbers of everything filed at a station.
async fn filed_here(desk: &mut client::Station) -> BTreeSet<String> {
    let request = v1::ListRequest { r#box: v1::Box::Filed.into(), limit: 1000, ..Default::default() };
    let listed = desk.list(request).await.unwrap().into_inner();
    listed.documents.into_iter().map(|document| document.header.unwrap().number).collect()
}

async fn fetch(page: std::net::SocketAddr) -> String {
    let mut tcp = TcpStream::connect(page).await.unwrap();
    tcp.write_all(b"GET /metrics HTTP/1.1\r\nHost: station\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The sum of all samples of this name; none if there is no sample.
fn sum(page: &str, name: &str) -> Option<f64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with([' ', '{']) {
            return None;
        }
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20140919)
}
