//! PURE. 汇总快报: several reports put together by an office above those that wrote them. It quotes and never rewrites: every
//! quotation is a part of a report, word for word, and names it with its digest; the reports themselves went up as they were.

use proto::v1::{self, Bulletin, Quote, document::Content};

use super::{
    Desk,
    decision::{content, encoded},
    find, missing, refuse, same_status, secrecy, unit, upward,
};
use crate::{
    limits,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
    },
};

/// What is said of several reports is as secret as the most secret of them, whatever label it was given.
pub(super) fn write(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    bulletin: &Bulletin,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    upward(desk, draft, 'H')?;
    let mut unsaid = missing(&[("title", &bulletin.title), ("releaser", &bulletin.releaser)]);
    if bulletin.quotes.len() < 2 && unsaid.is_empty() {
        "quote".clone_into(&mut unsaid);
    }
    if !unsaid.is_empty() {
        let reason = format!("a bulletin has a title, whoever signs it off and at least two quotations: {unsaid}");
        return refuse(Code::MissingFields, &reason, &[&unsaid]);
    }
    if bulletin.releaser.trim() == request.officer.trim() {
        let reason = format!("{} cannot both write a bulletin and sign it off", bulletin.releaser);
        return refuse(Code::SelfReleased, &reason, &[&bulletin.releaser]);
    }
    if bulletin.quotes.len() > limits::QUOTES_MAX {
        let reason = format!("a bulletin quotes {} reports at most", limits::QUOTES_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    let mut quotes = Vec::new();
    for quote in &bulletin.quotes {
        let quote = checked(desk, quote, draft)?;
        draft.header.references.push(quote.report.clone());
        quotes.push(quote);
    }
    draft.body = encoded(Content::Bulletin(Bulletin { quotes, ..bulletin.clone() }));
    Ok(())
}

fn checked(desk: Desk<'_>, quote: &Quote, draft: &mut Draft) -> Result<Quote, Refusal> {
    let copy = find(desk, &quote.number, "report")?;
    let header = &copy.header;
    let me = desk.post.me();
    if !me.topology.is_ancestor(&me.unit, &unit(&header.origin)?) {
        let reason = format!("{} was written by {}, which is not below this office", header.number, header.origin);
        return refuse(Code::NotAbove, &reason, &[&header.number, &header.origin]);
    }
    let Some(Content::Report(report)) = content(desk, &copy) else {
        return refuse(Code::NotAReport, &format!("{} is not a report", header.number), &[&header.number]);
    };
    same_status(&copy, draft)?;
    if quote.text.trim().is_empty() || !report.text.contains(quote.text.trim()) {
        let reason = format!("{} does not say that: quote it word for word", header.number);
        return refuse(Code::NotAQuote, &reason, &[&header.number]);
    }
    draft.header.classification = draft.header.classification.max(header.classification);
    secrecy::joins(header, draft)?;
    Ok(Quote {
        report: header.id.clone(),
        number: header.number.clone(),
        origin: header.origin.clone(),
        digest: header.body_digest.clone(),
        text: quote.text.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use v1::{Classification, FileRequest, Kind};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    fn bulletin(quotes: &[(&str, &str)]) -> FileRequest {
        let quotes = quotes.iter().map(|(number, text)| Quote {
            number: (*number).into(),
            text: (*text).into(),
            ..Default::default()
        });
        let said = Bulletin {
            title: "全省情况汇总".into(),
            text: "两地均已处置。".into(),
            quotes: quotes.collect(),
            officer: "李四".into(),
            releaser: "王厅长".into(),
        };
        paper("李四", Kind::Bulletin, Content::Bulletin(said))
    }

    /// The fifth sharp requirement: an office above may add, never alter.
    #[test]
    fn row_3_6_in_part_a_province_puts_reports_together_word_for_word_and_as_secret_as_the_most_secret() {
        let (mut wuhan, mut yichang, mut hubei) = (Office::of("420100"), Office::of("420500"), Office::of("420000"));
        let one = wuhan.file(&report()).unwrap();
        let secret = FileRequest { classification: Classification::Secret.into(), ..report() };
        let two = yichang.file(&secret).unwrap();
        hubei.hear(&wuhan);
        hubei.hear(&yichang);
        let number = hubei.file(&bulletin(&[(&one, "少一袋试卷"), (&two, "一袋")])).unwrap();
        assert_eq!(hubei.copy(&number).header.classification(), Classification::Secret);
        let Content::Bulletin(said) = hubei.content(&number) else { panic!("a bulletin") };
        let origins: Vec<_> = said.quotes.iter().map(|quote| quote.origin.as_str()).collect();
        assert_eq!(origins, ["420100", "420500"]);
        assert_eq!(said.quotes[0].digest, hubei.copy(&one).header.body_digest);
        assert_eq!(hubei.refused(&bulletin(&[(&one, "少两袋试卷"), (&two, "一袋")])), Code::NotAQuote);
        assert_eq!(hubei.refused(&bulletin(&[(&one, "少一袋试卷")])), Code::MissingFields);
        assert_eq!(hubei.refused(&bulletin(&[(&number, "x"), (&two, "一袋")])), Code::NotAbove);
        assert_eq!(Office::of("420100").refused(&bulletin(&[(&one, "x"), (&two, "x")])), Code::NotFound);
    }
}
