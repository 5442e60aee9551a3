//! The policies a station holds, read once each.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use prost::Message as _;
use proto::v1::{self, document::Content};

use super::{BUILT_IN, Policy};
use crate::{
    plan::Desk,
    post::{envelope::DocId, view::Copy},
};

/// Read once for all stations of a process.
static FIRST: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    // A test reads it; a build of which it cannot be read owes nobody anything.
    let none = || Policy {
        version: "none".to_owned(),
        title: String::new(),
        document: String::new(),
        confirmed: false,
        exam: super::Exam::default(),
        duties: Vec::new(),
        group: super::Group { members: Vec::new(), quorum: 2 },
        slots: Vec::new(),
        points: Vec::new(),
        escalation: Vec::new(),
        usual: Vec::new(),
        review: None,
    };
    Arc::new(Policy::parse(BUILT_IN).unwrap_or_else(|_| none()))
});

/// The policies that were read so far. What cannot be read (a newer station's) is remembered as such: the one before
/// it stays in force.
#[derive(Debug, Default)]
pub struct Shelf {
    read: RefCell<BTreeMap<DocId, Option<Arc<Policy>>>>,
}

impl Shelf {
    /// The policy in force: the last the ministry released and did not take back, or the one stations begin with.
    pub fn in_force(&self, desk: Desk<'_>) -> Arc<Policy> {
        let released = desk.post.releases().iter().rev();
        let mut standing =
            released.filter(|id| desk.post.end_of(**id, desk.post.me().topology.root().as_str()).is_none());
        standing.find_map(|id| self.released(desk, *id)).unwrap_or_else(|| FIRST.clone())
    }

    /// The policy of a version, if it is here. One that was taken back judges what was written while it stood.
    pub fn version(&self, desk: Desk<'_>, version: &str) -> Option<Arc<Policy>> {
        if version == FIRST.version {
            return Some(FIRST.clone());
        }
        let mut released = desk.post.releases().iter().rev();
        released.find_map(|id| self.released(desk, *id).filter(|policy| policy.version == version))
    }

    /// The policy stations begin with.
    pub fn first(&self) -> Arc<Policy> {
        FIRST.clone()
    }

    /// The text of a release.
    pub fn text(&self, desk: Desk<'_>, copy: &Copy) -> String {
        let body = desk.post.body(copy, desk.read).and_then(|body| v1::Document::decode(body).ok());
        match body.and_then(|body| body.content) {
            Some(Content::PolicyRelease(release)) => release.text,
            _ => String::new(),
        }
    }

    /// One release.
    pub fn released(&self, desk: Desk<'_>, id: DocId) -> Option<Arc<Policy>> {
        if let Some(known) = self.read.borrow().get(&id) {
            return known.clone();
        }
        let copy = desk.post.release(id, desk.read)?;
        // A body that has not come yet may still come.
        desk.post.body(&copy, desk.read)?;
        let policy = Policy::parse(&self.text(desk, &copy)).ok().map(Arc::new);
        self.read.borrow_mut().insert(id, policy.clone());
        policy
    }
}
