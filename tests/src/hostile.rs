//! A station with a good certificate that does as it likes: it gets through the handshake and then says anything.

use std::{path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use node::{
    identity::{Identity, Seals},
    io::Machine,
    link::socket::{self, DialError, Tcp},
    post::{
        envelope::{Channel, DocId, Epoch, digest},
        seal::Sealer as _,
    },
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1::{self, Precedence, frame::Frame};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Streaming, client::Grpc, codegen::http::uri::PathAndQuery};

/// How long an answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// A connection to a parent, from this end.
pub struct Hostile {
    unit: Unit,
    out: mpsc::Sender<Wide>,
    incoming: Streaming<v1::Frame>,
    // The connection ends with it.
    _peer: socket::Peer,
}

/// A frame with room for what a newer software may put beside what is known.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Wide {
    #[prost(bytes = "bytes", optional, tag = "1")]
    hello: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    offer: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    settlements: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "4")]
    heartbeat: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    missing: Option<Bytes>,
    /// A kind of frame nobody here knows.
    #[prost(bytes = "bytes", optional, tag = "77")]
    news: Option<Bytes>,
}

impl Wide {
    /// A frame of a kind that is not invented yet.
    pub fn unheard_of() -> Self {
        Self { news: Some(Bytes::from_static(b"a frame of next year")), ..Self::default() }
    }
}

impl From<Frame> for Wide {
    fn from(frame: Frame) -> Self {
        Self::decode(&*v1::Frame { frame: Some(frame) }.encode_to_vec()).unwrap()
    }
}

impl Hostile {
    /// Shakes hands with whoever listens there, with this identity, in a tree of its own choosing.
    pub async fn dial(identity: &Path, tree: &str, endpoint: &str) -> Result<Self, DialError> {
        let identity = identity_in(identity, tree);
        let (channel, peer) = socket::dial(&Tcp, endpoint, &identity, Arc::new(Machine)).await?;
        let (out, frames) = mpsc::channel(16);
        let mut client = Grpc::new(channel).max_encoding_message_size(usize::MAX);
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<Wide, v1::Frame>::default();
        let path = PathAndQuery::from_static("/zhuji.v1.Link/Exchange");
        let answer = client.streaming(Request::new(ReceiverStream::new(frames)), path, codec).await;
        let unit = identity.unit().clone();
        Ok(Self { unit, out, incoming: answer.unwrap().into_inner(), _peer: peer })
    }

    /// The same, and the line is up.
    pub async fn meet(identity: &Path, tree: &str, endpoint: &str) -> Self {
        let mut met = Self::dial(identity, tree, endpoint).await.unwrap();
        let unit = met.unit.clone();
        met.greet(unit.as_str()).await;
        assert!(matches!(met.next().await, Some(Frame::Hello(_))));
        met
    }

    /// Says hello in this name.
    pub async fn greet(&mut self, unit: &str) {
        let hello = v1::Hello { version: 1, version_min: 1, unit: unit.to_owned(), ..Default::default() };
        self.say(Frame::Hello(hello)).await;
    }

    /// Says something. Nobody may listen any more.
    pub async fn say(&mut self, what: impl Into<Wide>) {
        drop(self.out.send(what.into()).await);
    }

    /// Says something, and whether anybody still listens. Reads nothing.
    pub async fn shout(&mut self, what: impl Into<Wide>) -> bool {
        self.out.send(what.into()).await.is_ok()
    }

    /// Offers one block, and what is answered.
    pub async fn offer(&mut self, block: Bytes) -> v1::Settlement {
        self.offer_with(Vec::new(), block).await
    }

    /// The same with bodies beside it.
    pub async fn offer_with(&mut self, bodies: Vec<v1::SharedBody>, block: Bytes) -> v1::Settlement {
        let parcels = vec![v1::Parcel { block, passages: Vec::new() }];
        self.say(Frame::Offer(v1::Offer { bodies, parcels })).await;
        loop {
            match self.next().await {
                Some(Frame::Settlements(mut answer)) => return answer.settlements.remove(0),
                Some(_) => {}
                None => panic!("the connection ended instead of an answer"),
            }
        }
    }

    /// What comes next; `None` if the connection has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        let next = tokio::time::timeout(ANSWERS_WITHIN, self.incoming.next()).await.expect("nothing came");
        next?.ok()?.frame
    }

    /// Waits until the other side has ended it.
    pub async fn ends(&mut self) {
        let all = async { while self.next().await.is_some() {} };
        tokio::time::timeout(ANSWERS_WITHIN, all).await.expect("the line goes on");
    }
}

/// An identity in a tree of one's own choosing.
fn identity_in(directory: &Path, tree: &str) -> Identity {
    Identity::load(directory, Arc::new(Topology::parse(tree).unwrap())).unwrap()
}

/// Seals blocks, good ones and others. Every forge has a channel of its own, from number 1 on.
pub struct Forge {
    seals: Seals,
    /// The channel it writes.
    pub channel: Channel,
}

impl Forge {
    /// In the name of the identity in this folder.
    pub fn new(identity: &Path, tree: &str, life: u8, destination: &str, precedence: Precedence) -> Self {
        let identity = identity_in(identity, tree);
        let channel = Channel {
            origin: identity.unit().clone(),
            epoch: Epoch([life; 16]),
            destination: Unit::parse(destination).unwrap(),
            precedence,
        };
        Self { seals: Seals::new(Arc::new(ArcSwap::from_pointee(identity))), channel }
    }

    /// A document no rule of ours would let pass, with a header as newer software may write it.
    pub fn header(&self, n: u64, body: &[u8]) -> v1::Header {
        let origin = &self.channel.origin;
        v1::Header {
            format: 1,
            suite: 1,
            id: Bytes::from([&now_ms().to_be_bytes()[2..], &n.to_be_bytes(), &self.channel.epoch.0[..2]].concat()),
            number: format!("X-{origin}-{:02}{n:02}", self.channel.epoch.0[0]),
            origin: origin.to_string(),
            epoch: Bytes::copy_from_slice(&self.channel.epoch.0),
            destination: self.channel.destination.to_string(),
            precedence: self.channel.precedence.into(),
            sequence: n,
            kind: v1::Kind::InitialReport.into(),
            status: v1::Status::Exercise.into(),
            body_digest: Bytes::copy_from_slice(&digest(body)),
            body_length: body.len() as u64,
            ..Default::default()
        }
    }

    /// Puts one envelope under one head, which `change` may spoil before it is signed.
    pub fn seal(&self, header: &v1::Header, body: &[u8], change: impl FnOnce(&mut v1::Head)) -> v1::Block {
        self.seal_raw(header, header.encode_to_vec().into(), body, change)
    }

    /// The same with the header's bytes as given.
    pub fn seal_raw(
        &self,
        header: &v1::Header,
        raw: Bytes,
        body: &[u8],
        change: impl FnOnce(&mut v1::Head),
    ) -> v1::Block {
        let mut head = v1::Head {
            format: 1,
            suite: 1,
            origin: header.origin.clone(),
            epoch: header.epoch.clone(),
            destination: header.destination.clone(),
            precedence: header.precedence,
            first: header.sequence,
            count: 1,
            previous: header.previous.clone(),
            last: Bytes::copy_from_slice(&digest(&raw)),
            // A document is found again by the millisecond in its id.
            sealed_at_us: DocId::from_slice(&header.id).map_or(0, |id| i64::try_from(id.ms() * 1000).unwrap()),
            signer_key: Bytes::copy_from_slice(&self.seals.key_id()),
            ..Default::default()
        };
        change(&mut head);
        let unsigned =
            v1::Block { headers: vec![raw], bodies: vec![Bytes::copy_from_slice(body)], ..Default::default() };
        self.sign(unsigned, &head)
    }

    /// A block with another head than it had, well signed.
    pub fn sign_again(&self, block: v1::Block, change: impl FnOnce(&mut v1::Head)) -> v1::Block {
        let mut head = v1::Head::decode(block.head.clone()).unwrap();
        change(&mut head);
        self.sign(block, &head)
    }

    fn sign(&self, block: v1::Block, head: &v1::Head) -> v1::Block {
        let head = Bytes::from(head.encode_to_vec());
        let signature = self.seals.sign(&[b"zhuji/head/v1".as_slice(), &head].concat());
        v1::Block { signature: Bytes::copy_from_slice(&signature), head, signer: self.seals.certificate(), ..block }
    }
}

fn now_ms() -> u64 {
    use node::io::Io as _;
    Machine.now().ms()
}
