//! What is decided together: 拟稿, 表决, 签发.

use proto::v1::{Decision, Kind, Proposal, Publication, Subject, Vote, document::Content};

use super::{About, Around, MINISTRY, Sheet, Then, Written, nothing_later};
use crate::web::{
    fields::{Field, Input},
    parts::Group,
    said::{Mistake, Said},
    visit::{Right, Visit},
};

const SHEET: Sheet = Sheet {
    name: "",
    title: "",
    right: Right::Write,
    tiers: MINISTRY,
    about: About::Document,
    then: Then::Document,
    bare: false,
    fields: |_, _| Vec::new(),
    later: nothing_later,
    write: |_, _, _| Err(Mistake { field: "", hint: "" }),
};

pub(super) const SHEETS: &[Sheet] = &[
    Sheet {
        name: "propose",
        title: "web-sheet-propose",
        about: About::Maybe,
        fields: |visit, around| {
            let origin = around.header().origin;
            vec![
                Field::select::<Subject>("subject", visit.w("web-subject"), &visit.words, None).required(),
                Field::line("to", visit.w("web-scope")).hint(visit.w("web-hint-to")).value(origin).required(),
                Field::line("place", visit.w("field-place")),
                Field::line("title", visit.w("head-title")).required(),
                Field::area("text", visit.w("web-decision-text")).required(),
                Field::area("basis", visit.w("web-basis")).hint(visit.w("web-hint-lines")).required(),
                Field::moment("effective", visit.w("web-effective"), &visit.words, true)
                    .hint(visit.w("web-hint-effective")),
                Field::line("fallback", visit.w("web-fallback")),
            ]
        },
        later: publication_fields,
        write: propose,
        ..SHEET
    },
    Sheet {
        name: "vote",
        title: "web-sheet-vote",
        right: Right::Vote,
        fields: |visit, _| {
            let both = [("yes", "web-agree"), ("no", "web-against")].map(|(code, key)| (code.to_owned(), visit.w(key)));
            vec![
                Field::of("agrees", visit.w("web-vote"), Input::Radio(both.into())).required(),
                Field::area("note", visit.w("web-note")),
            ]
        },
        write: |_, said, _| {
            let agrees = match said.given("agrees").as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err(Mistake { field: "agrees", hint: "web-hint-choice" }),
            };
            Ok(Written::of(Kind::Vote, Content::Vote(Vote { agrees, note: said.given("note"), ..Default::default() })))
        },
        ..SHEET
    },
    Sheet {
        name: "release",
        title: "web-sheet-release",
        fields: |visit, _| vec![Field::line("info", visit.w("web-info-to")).hint(visit.w("web-hint-to"))],
        write: |_, said, _| {
            let written = Written::of(Kind::Decision, Content::Decision(Decision::default()));
            Ok(written.with(|more| more.info_to = said.units("info")))
        },
        ..SHEET
    },
];

fn publication_fields(visit: &Visit, _: &Around) -> Vec<Group> {
    let publication = vec![
        Field::line("audience", visit.w("web-audience")),
        Field::area("channels", visit.w("web-channels")).hint(visit.w("web-hint-lines")),
        Field::moment("until", visit.w("web-publication-until"), &visit.words, true),
        Field::line("contact", visit.w("web-publication-contact")),
    ];
    let more = vec![
        Field::area("options", visit.w("web-options")).hint(visit.w("web-hint-lines")),
        Field::line("supersedes", visit.w("web-supersedes")),
        Field::line("resumes", visit.w("web-resumes")),
    ];
    vec![
        Group { caption: visit.w("web-publication"), of: String::new(), fields: publication },
        Group { caption: visit.w("web-decision-more"), of: String::new(), fields: more },
    ]
}

fn propose(visit: &Visit, said: &Said, _: &Around) -> Result<Written, Mistake> {
    let publication = Publication {
        audience: said.given("audience"),
        channels: said.lines("channels"),
        until_us: said.deadline("until", visit)?,
        contact: said.given("contact"),
    };
    let decision = Decision {
        subject: said.term::<Subject>("subject")?.unwrap_or_default().into(),
        scope: said.units("to"),
        place: said.given("place"),
        title: said.given("title"),
        text: said.given("text"),
        basis: said.lines("basis"),
        effective_at_us: said.deadline("effective", visit)?,
        fallback: said.given("fallback"),
        options: said.lines("options"),
        publication: (!publication.audience.is_empty()).then_some(publication),
        ..Default::default()
    };
    let written = Written::of(Kind::Proposal, Content::Proposal(Proposal { decision: Some(decision) }));
    Ok(written.with(|more| {
        more.supersedes = said.given("supersedes");
        more.refers_to = said.given("resumes");
    }))
}
