//! Strangers at the door, neighbours with wrong papers, and one with good papers that lies. Whatever they do, the
//! stations go on serving the others, and say who did what.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use node::topology::Unit;
use prost::Message as _;
use proto::v1::{self, Disposition, Kind, Precedence, Stage, frame::Frame};
use tests::{
    country::{Country, eventually, small, unit},
    hostile::{Forge, Hostile, Wide},
    papers, stranger,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Idle callers at one port: more than may shake hands at a time.
const IDLE: usize = 400;
/// A number of a district that never wrote it.
const SOMEBODY_ELSES: &str = "R-420100-0919-0077";

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_wrong_papers_are_refused_by_name_and_keep_nobody_out() {
    let mut country = Country::start(&small()).await;
    let hubei = unit("420000");
    let door = country.address(&hubei);

    for (what, bytes, word) in [
        ("garbage", vec![0x5a; 4096], "handshake failed"),
        ("HTTP/1", b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n".to_vec(), "handshake failed"),
        ("TLS 1.2", stranger::tls12_hello(), "TLS 1.3"),
    ] {
        let caller = shout(door, &bytes).await;
        let line = country.until_logged(&hubei, &[&caller.to_string(), word]).await;
        assert!(line.contains("refused"), "{what}: {line}");
    }
    let (caller, told) = stranger::knock(door, None, b"h2").await;
    told.unwrap_err();
    country.until_logged(&hubei, &[&caller.to_string(), "no certificate"]).await;
    let good = country.path(&unit("420500"), "identity");
    let (caller, told) = stranger::knock(door, Some(&good), b"http/1.1").await;
    told.unwrap_err();
    country.until_logged(&hubei, &[&caller.to_string(), "HTTP/2"]).await;

    wrong_papers(&country, door).await;

    // Whoever only connects and says nothing keeps nobody out: an honest child gets in, past all of them.
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(door).await.unwrap());
    }
    country.cut(&unit("420100"));
    country.heal(&unit("420100"));
    let began = std::time::Instant::now();
    delivers(&country, &unit("420100")).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop(idle);

    misdirected(&mut country).await;
}

/// Certificates the relay of 湖北 must not let in: each is told something, and named in the relay's log.
async fn wrong_papers(country: &Country, door: SocketAddr) {
    let hubei = unit("420000");
    let foreign = Country::lay(&small().replace("demo.zhuji.internal", "drill.zhuji.internal")).await;
    let impostor = Country::lay(&small()).await;
    let wuhan = unit("420100");
    for (papers, word, next) in [
        (foreign.path(&wuhan, "identity"), "drill.zhuji.internal", "no authority of this network"),
        (impostor.path(&wuhan, "identity"), "420100", "no authority of this network"),
        (country.issue(&wuhan, "expired", -10), "420100", "expired"),
        // A district of another province, and a province at its neighbour's door.
        (country.path(&unit("350500"), "identity"), "350500", "does not report to"),
        (country.path(&unit("350000"), "identity"), "350000", "does not report to"),
    ] {
        let (caller, told) = stranger::knock(door, Some(&papers), b"h2").await;
        let told = told.unwrap_err().to_string();
        assert!(told.contains("alert"), "{word}: {told}");
        country.until_logged(&hubei, &[&caller.to_string(), word, next]).await;
    }
    // Past its province a district may go to the ministry, and to nobody else.
    let ministry = country.address(&unit("000000"));
    stranger::knock(ministry, Some(&country.path(&wuhan, "identity")), b"h2").await.1.unwrap();
}

/// Real stations sent to the wrong door, or there with an expired certificate, say so themselves.
async fn misdirected(country: &mut Country) {
    let (yichang, hubei) = (unit("420500"), unit("420000"));
    country.stop(&yichang);
    let expired = country.issue(&yichang, "expired", -10);
    country.configure(&yichang, "directory = \"identity\"", &format!("directory = \"{}\"", expired.display()));
    country.revive(&yichang);
    let failure = last_failure(country, &yichang).await;
    assert!(failure.contains("CertificateExpired") && failure.contains("renewed"), "{failure}");
    country.stop(&yichang);
    country.configure(&yichang, &format!("directory = \"{}\"", expired.display()), "directory = \"identity\"");

    let path = country.path(&yichang, "config.toml");
    let right = std::fs::read_to_string(&path).unwrap();
    for wrong in ["350000", "000000"] {
        let door = country.address(&unit(wrong)).to_string();
        let at = right.find("endpoints = [\"").unwrap() + "endpoints = [\"".len();
        let end = at + right[at..].find('"').unwrap();
        std::fs::write(&path, format!("{}{door}{}", &right[..at], &right[end..])).unwrap();
        country.revive(&yichang);
        let failure = last_failure(country, &yichang).await;
        assert!(failure.contains(wrong) && failure.contains("check the address"), "{failure}");
        country.stop(&yichang);
    }
    std::fs::write(&path, right).unwrap();
    country.revive(&yichang);
    delivers(country, &yichang).await;
    assert!(country.lives(&hubei));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_lies_is_refused_and_the_others_are_served() {
    let mut country = Country::start(&small()).await;
    let (yichang, hubei, hub) = (unit("420500"), unit("420000"), unit("000000"));
    country.kill(&yichang);
    let liar = Liar {
        papers: country.path(&yichang, "identity"),
        tree: small(),
        endpoint: country.address(&hubei).to_string(),
    };

    liar.claims_to_be_another(&country).await;
    liar.writes_for_others(&country).await;
    liar.spoils_seals().await;
    liar.breaks_channels().await;
    liar.speaks_nonsense(&country).await;
    liar.never_reads(&country).await;
    liar.says_absurd_things().await;
    let news = liar.is_newer().await;

    // What newer software wrote is at the ministry, as it was written.
    let mut ministry = country.desk(&hub).await;
    for number in news {
        let view = eventually(&format!("{number} is at the ministry"), async || {
            ministry.get(v1::GetRequest { document: number.clone(), ..Default::default() }).await.ok()
        })
        .await
        .into_inner();
        assert_eq!(view.header.unwrap().number, number);
        let traced = country.type_at(&hub, &["trace", &number]);
        assert!(traced.status.success(), "{traced:?}");
    }
    assert!(country.type_at(&hub, &["inbox", "ls"]).status.success());
    let stolen =
        ministry.get(v1::GetRequest { document: SOMEBODY_ELSES.into(), ..Default::default() }).await.unwrap_err();
    assert_eq!(stolen.code(), tonic::Code::NotFound);
    ministry.list(v1::ListRequest { r#box: v1::Box::Received.into(), ..Default::default() }).await.unwrap();

    // The relay has served the others all along; it ends in peace and begins again with everything it was told.
    delivers(&country, &unit("420100")).await;
    for station in [&hubei, &hub] {
        assert!(country.lives(station));
        let ended = country.stop(station);
        assert!(ended.success(), "{station} ended with {ended}: {}", country.log(station));
        country.revive(station);
    }
    country.revive(&yichang);
    country.until_linked().await;
    delivers(&country, &yichang).await;
    assert!(!country.log(&hubei).contains("panicked"), "{}", country.log(&hubei));
}

/// 宜昌, gone bad.
struct Liar {
    papers: std::path::PathBuf,
    tree: String,
    endpoint: String,
}

impl Liar {
    async fn meets(&self) -> Hostile {
        Hostile::meet(&self.papers, &self.tree, &self.endpoint).await
    }

    fn forge(&self, life: u8) -> Forge {
        Forge::new(&self.papers, &self.tree, life, "000000", Precedence::TeJi)
    }

    async fn claims_to_be_another(&self, country: &Country) {
        let mut peer = Hostile::dial(&self.papers, &self.tree, &self.endpoint).await.unwrap();
        peer.greet("420100").await;
        peer.ends().await;
        country.until_logged(&unit("420000"), &["420500", "420100", "certificate"]).await;

        let mut peer = Hostile::dial(&self.papers, &self.tree, &self.endpoint).await.unwrap();
        peer.say(Frame::Heartbeat(v1::Heartbeat::default())).await;
        peer.ends().await;
        country.until_logged(&unit("420000"), &["420500", "not a hello"]).await;
    }

    async fn writes_for_others(&self, country: &Country) {
        let mut peer = self.meets().await;
        // In another's name, with its own seal.
        let forge = self.forge(1);
        let header = v1::Header { origin: "420100".into(), ..forge.header(1, b"x") };
        refused(&peer.offer(bytes(&forge.seal(&header, b"x", |_| ()))).await, "seal-not-theirs");
        // What another office really sealed, but is not below this one.
        let stolen = Forge::new(&country.path(&unit("350500"), "identity"), &self.tree, 1, "000000", Precedence::TeJi);
        let header = stolen.header(1, b"x");
        refused(&peer.offer(bytes(&stolen.seal(&header, b"x", |_| ()))).await, "not-your-subtree");
        // To somebody who is not above it.
        let sideways = Forge::new(&self.papers, &self.tree, 1, "420100", Precedence::TeJi);
        let header = sideways.header(1, b"x");
        refused(&peer.offer(bytes(&sideways.seal(&header, b"x", |_| ()))).await, "not-your-subtree");
    }

    async fn spoils_seals(&self) {
        let mut peer = self.meets().await;
        let forge = self.forge(2);
        let header = forge.header(1, b"body");
        let good = forge.seal(&header, b"body", |_| ());

        let mut spoilt = good.clone();
        spoilt.signature = flipped(&spoilt.signature);
        refused(&peer.offer(bytes(&spoilt)).await, "seal-not-theirs");
        let mut spoilt = good.clone();
        spoilt.signer = Bytes::from_static(b"not a certificate");
        refused(&peer.offer(bytes(&spoilt)).await, "seal-not-theirs");
        let mut spoilt = good.clone();
        let other = v1::Header { number: "altered".into(), ..header.clone() };
        spoilt.headers = vec![other.encode_to_vec().into()];
        refused(&peer.offer(bytes(&spoilt)).await, "altered-header");
        let mut spoilt = good.clone();
        spoilt.bodies = vec![Bytes::from_static(b"bodY")];
        refused(&peer.offer(bytes(&spoilt)).await, "altered-body");
        // A body beside the block that is not the one it is called.
        let mut shared = good.clone();
        shared.bodies.clear();
        let lie = v1::SharedBody { digest: header.body_digest.clone(), body: Bytes::from_static(b"bodY") };
        let answer = peer.offer_with(vec![lie], bytes(&shared)).await;
        assert_eq!((answer.disposition(), answer.code.as_str()), (Disposition::NotNow, "body-missing"));
        // And after all that the good one.
        taken(&peer.offer(bytes(&good)).await);
        taken(&peer.offer(bytes(&good)).await);
    }

    async fn breaks_channels(&self) {
        let mut peer = self.meets().await;
        let forge = self.forge(3);
        let first = forge.seal(&forge.header(1, b"1"), b"1", |_| ());
        taken(&peer.offer(bytes(&first)).await);
        let other = v1::Header { previous: Bytes::from_static(&[9; 32]), ..forge.header(2, b"2") };
        refused(&peer.offer(bytes(&forge.seal(&other, b"2", |_| ()))).await, "broken-chain");
        // One block over numbers of which one has been heard.
        let previous = Bytes::copy_from_slice(&node::post::envelope::digest(&first.headers[0]));
        let second = v1::Header { previous, ..forge.header(2, b"2") };
        let second = forge.seal(&second, b"2", |_| ());
        let mut both = forge.seal(&forge.header(1, b"1"), b"1", |_| ());
        both.headers = vec![first.headers[0].clone(), second.headers[0].clone()];
        both.bodies = vec![Bytes::from_static(b"1"), Bytes::from_static(b"2")];
        let last = Bytes::copy_from_slice(&node::post::envelope::digest(&second.headers[0]));
        let both = forge.sign_again(both, |head| (head.count, head.last) = (2, last));
        refused(&peer.offer(bytes(&both)).await, "overlapping-numbers");
        taken(&peer.offer(bytes(&second)).await);
    }

    async fn speaks_nonsense(&self, country: &Country) {
        let hubei = unit("420000");
        let forge = self.forge(4);
        let good = forge.seal(&forge.header(1, b"x"), b"x", |_| ());
        for count in [0, 2, 129, u32::MAX] {
            let mut peer = self.meets().await;
            let wrong = forge.sign_again(good.clone(), |head| head.count = count);
            let parcels = vec![v1::Parcel { block: bytes(&wrong), passages: Vec::new() }];
            peer.say(Frame::Offer(v1::Offer { bodies: Vec::new(), parcels })).await;
            // Where the head can still be read it is answered, otherwise the line ends.
            while let Some(frame) = peer.next().await {
                if let Frame::Settlements(answers) = frame {
                    refused(&answers.settlements[0], "malformed");
                    break;
                }
            }
        }
        country.until_logged(&hubei, &["420500", "not a block"]).await;

        let mut peer = self.meets().await;
        let mut many = good.clone();
        many.headers = vec![good.headers[0].clone(); 2000];
        refused(&peer.offer(bytes(&many)).await, "malformed");

        let mut peer = self.meets().await;
        let parcels = vec![v1::Parcel { block: vec![7; 3 << 20].into(), passages: Vec::new() }];
        peer.say(Frame::Offer(v1::Offer { bodies: Vec::new(), parcels })).await;
        peer.ends().await;
        country.until_logged(&hubei, &["420500", "too large"]).await;

        let mut peer = self.meets().await;
        let garbage = Bytes::from(vec![0xff; 900]);
        let parcels = vec![v1::Parcel { block: garbage, passages: Vec::new() }];
        peer.say(Frame::Offer(v1::Offer { bodies: Vec::new(), parcels })).await;
        peer.ends().await;

        let mut peer = self.meets().await;
        peer.greet("420500").await;
        peer.ends().await;
        country.until_logged(&hubei, &["420500", "hello twice"]).await;
    }

    /// Asks and asks, and leaves every answer unread.
    async fn never_reads(&self, country: &Country) {
        let mut peer = self.meets().await;
        let ask = || Frame::Heartbeat(v1::Heartbeat { sequence: 1, answer_now: true, ..Default::default() });
        let mut asked = 0;
        while asked < 2_000_000 && peer.shout(ask()).await {
            asked += 1;
        }
        assert!(asked < 2_000_000, "nobody minded");
        country.until_logged(&unit("420000"), &["420500", "does not read"]).await;
    }

    async fn says_absurd_things(&self) {
        let mut peer = self.meets().await;
        for moment in [i64::MIN, -1, i64::MAX] {
            peer.say(Frame::Heartbeat(v1::Heartbeat {
                sequence: u64::MAX,
                sent_us: moment,
                echo_sequence: 1,
                echo_sent_us: -moment.max(-i64::MAX),
                echo_received_us: moment,
                oldest_us: moment,
                queued: u64::MAX,
                answer_now: false,
            }))
            .await;
        }
        let forge = self.forge(5);
        let range = |first, count| v1::Range { channel: Some(forge.channel.to_proto()), first, count };
        let downward =
            v1::ChannelId { origin: "000000".into(), destination: "420500".into(), ..forge.channel.to_proto() };
        let ranges = vec![
            range(0, u32::MAX),
            range(u64::MAX, u32::MAX),
            v1::Range { channel: Some(downward.clone()), first: 0, count: u32::MAX },
            v1::Range { channel: Some(downward), first: u64::MAX, count: u32::MAX },
            v1::Range::default(),
        ];
        peer.say(Frame::Missing(v1::Missing { ranges: ranges.clone() })).await;
        let settlements = ranges
            .iter()
            .flat_map(|range| [0, 1, 2, 3, 99].map(|d| (range.clone(), d)))
            .map(|(range, disposition)| v1::Settlement {
                range: Some(range),
                disposition,
                code: "x".repeat(5_000),
                reason: "理".repeat(4_000),
                ..Default::default()
            })
            .collect();
        peer.say(Frame::Settlements(v1::Settlements { settlements })).await;

        // Receipts about what never was, in words that fill no row.
        let receipts = [Stage::Delivered, Stage::Signed, Stage::Delayed, Stage::Unspecified].map(|stage| v1::Receipt {
            about: Some(range(u64::MAX - 1, u32::MAX)),
            stage: stage.into(),
            at_us: i64::MIN,
            station: "420500".into(),
            officer: "名".repeat(20_000),
            note: "注".repeat(20_000),
            document: vec![1; 999].into(),
            passages: vec![v1::Passage { station: "9".repeat(900), arrived_us: i64::MAX, ..Default::default() }; 50],
        });
        for (n, receipt) in (1..).zip(receipts) {
            let forge = self.forge(10 + n);
            let content = v1::document::Content::Receipts(v1::Receipts { receipts: vec![receipt] });
            let body = v1::Document { content: Some(content) }.encode_to_vec();
            let header = v1::Header { kind: Kind::Receipt.into(), ..forge.header(1, &body) };
            taken(&peer.offer(bytes(&forge.seal(&header, &body, |_| ()))).await);
        }
        // A channel torn into more pieces than fit anywhere.
        let forge = self.forge(30);
        let mut last = Disposition::Taken;
        for n in 1..400u64 {
            let header = v1::Header { previous: vec![1; 32].into(), ..forge.header(n * (u64::MAX / 500), b"x") };
            last = peer.offer(bytes(&forge.seal(&header, b"x", |_| ()))).await.disposition();
            if last != Disposition::Taken {
                break;
            }
        }
        assert_eq!(last, Disposition::NotNow, "gaps without end");
    }

    /// What a later version may send: carried if it is sealed, passed over if it is not. Says the numbers of the documents.
    async fn is_newer(&self) -> Vec<String> {
        let mut peer = self.meets().await;
        // Under another's number: carried, and not found by it.
        let forge = self.forge(60);
        let header = v1::Header { number: SOMEBODY_ELSES.to_owned(), ..forge.header(1, b"x") };
        taken(&peer.offer(bytes(&forge.seal(&header, b"x", |_| ()))).await);
        peer.say(Wide::unheard_of()).await;
        let mut numbers = Vec::new();
        let changes: [fn(&mut v1::Header); 5] = [
            |header| header.kind = 77,
            |header| header.status = 9,
            |header| header.classification = 9,
            |header| header.role = 9,
            |header| {
                header.number += &"长".repeat(60);
                header.kind = Kind::FinalReport.into();
                header.incident = header.id.clone();
                header.position = u32::MAX;
                header.deliver_by_us = i64::MIN;
                header.expires_at_us = i64::MAX;
            },
        ];
        for (life, change) in (40..).zip(changes) {
            let forge = self.forge(life);
            let mut header = forge.header(1, b"\xfa\x01\x03new");
            change(&mut header);
            numbers.push(header.number.clone());
            // Field 61, a text.
            let raw = [header.encode_to_vec(), vec![0xea, 0x03, 3, b'n', b'e', b'w']].concat();
            let block = forge.seal_raw(&header, raw.into(), b"\xfa\x01\x03new", |_| ());
            taken(&peer.offer(bytes(&block)).await);
        }
        let forge = self.forge(50);
        let header = v1::Header { precedence: 9, ..forge.header(1, b"x") };
        refused(&peer.offer(bytes(&forge.seal(&header, b"x", |_| ()))).await, "unknown-format");
        let header = v1::Header { suite: 2, ..forge.header(1, b"x") };
        refused(&peer.offer(bytes(&forge.seal(&header, b"x", |head| head.suite = 2))).await, "unknown-format");
        numbers
    }
}

/// A report of this district is filed, and comes back delivered.
async fn delivers(country: &Country, district: &Unit) {
    let mut desk = country.desk(district).await;
    let filed = desk.file(papers::report("一袋封装损毁", Precedence::TeTi)).await.unwrap().into_inner();
    eventually(&format!("{} is delivered", filed.number), async || {
        let view =
            desk.get(v1::GetRequest { document: filed.number.clone(), ..Default::default() }).await.ok()?.into_inner();
        let stages = &view.recipients[0].stages;
        stages.iter().any(|s| s.stage() == Stage::Delivered && s.station == "000000").then_some(())
    })
    .await;
}

async fn last_failure(country: &Country, unit: &Unit) -> String {
    let mut desk = country.desk(unit).await;
    eventually(&format!("{unit} says why its line is down"), async || {
        let status = desk.get_status(v1::StatusRequest {}).await.ok()?.into_inner();
        status.links.into_iter().map(|link| link.last_failure).find(|failure| !failure.is_empty())
    })
    .await
}

/// Says these bytes to a port and waits for it to close. Returns whom the port has seen.
async fn shout(door: SocketAddr, bytes: &[u8]) -> SocketAddr {
    let mut tcp = TcpStream::connect(door).await.unwrap();
    let own = tcp.local_addr().unwrap();
    tcp.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // It may close with what we said unread: then the end is a reset.
    drop(tokio::time::timeout(Duration::from_secs(20), tcp.read_to_end(&mut answer)).await.expect("it closes"));
    own
}

fn refused(answer: &v1::Settlement, code: &str) {
    assert_eq!((answer.disposition(), answer.code.as_str()), (Disposition::Refused, code), "{answer:?}");
    assert!(!answer.reason.is_empty());
}

fn taken(answer: &v1::Settlement) {
    assert_eq!(answer.disposition(), Disposition::Taken, "{answer:?}");
}

fn bytes(block: &v1::Block) -> Bytes {
    block.encode_to_vec().into()
}

fn flipped(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[0] ^= 1;
    bytes.into()
}
