//! PURE. 预警信息: what a service that warns has said — which hazard, how grave, where, from when until when — passed on to the
//! offices it concerns. It is about what may happen; once something has, that is an incident.

use proto::v1::{self, Choice, EarlyWarning, Role};

use super::{Desk, destinations, missing, refuse, tier, upward};
use crate::{
    limits,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
    },
    topology::Tier,
};

/// Up to the ministry, and to those below who are named. After its time it is over by itself.
pub(super) fn write(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    warning: &EarlyWarning,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let mut unsaid = missing(&[
        ("hazard", &warning.hazard),
        ("issuer", &warning.issuer),
        ("area", &warning.area),
        ("text", &warning.text),
    ]);
    let levels = [Choice::Red, Choice::Orange, Choice::Yellow, Choice::Blue];
    let more = [("level", !levels.contains(&warning.level())), ("until", warning.until_us <= desk.now.us())];
    for (field, _) in more.into_iter().filter(|(_, open)| *open) {
        unsaid = if unsaid.is_empty() { field.to_owned() } else { format!("{unsaid}, {field}") };
    }
    if !unsaid.is_empty() {
        let reason = format!("a warning says what of, how grave, by whom, where and until when: {unsaid}");
        return refuse(Code::MissingFields, &reason, &[&unsaid]);
    }
    let names = [&warning.hazard, &warning.issuer, &warning.area];
    if names.iter().any(|name| name.len() > limits::NAME_BYTES_MAX) {
        let reason = format!("a name has at most {} bytes", limits::NAME_BYTES_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    draft.letter = Some('W');
    match tier(desk) {
        Tier::Ministry if request.action_to.is_empty() => {
            return refuse(Code::MissingAddressee, "say which offices the warning is for", &[]);
        }
        Tier::Ministry => {}
        _ => upward(desk, draft, 'W')?,
    }
    if !request.action_to.is_empty() {
        draft.header.action_to.extend(request.action_to.iter().cloned());
        draft.destinations.extend(destinations(desk, &request.action_to, &[])?);
    }
    debug_assert!(draft.destinations.iter().any(|(_, role)| *role == Role::Action));
    draft.header.expires_at_us = warning.until_us;
    Ok(())
}

#[cfg(test)]
mod tests {
    use v1::{FileRequest, Kind, document::Content};

    use super::*;
    use crate::plan::trial::{Office, paper};

    fn warning(bend: impl FnOnce(&mut EarlyWarning)) -> FileRequest {
        let mut warning = EarlyWarning {
            hazard: "台风".into(),
            level: Choice::Orange.into(),
            issuer: "省气象台".into(),
            area: "泉州、厦门沿海".into(),
            from_us: 0,
            until_us: 1_400_086_400_000_000,
            text: "预计明日上午登陆".into(),
            officer: "林九".into(),
        };
        bend(&mut warning);
        paper("林九", Kind::EarlyWarning, Content::EarlyWarning(warning))
    }

    #[test]
    fn row_4_4c_in_part_a_warning_reaches_those_above_and_those_it_concerns_and_is_over_by_itself() {
        let (mut fujian, mut ministry, mut quanzhou) =
            (Office::of("350000"), Office::of("000000"), Office::of("350500"));
        let request = FileRequest { action_to: vec!["350000/*".into()], ..warning(|_| ()) };
        let number = fujian.file(&request).unwrap();
        ministry.hear(&fujian);
        quanzhou.hear(&fujian);
        for office in [&ministry, &quanzhou] {
            let header = office.copy(&number).header;
            assert_eq!((header.role(), header.expires_at_us), (Role::Action, 1_400_086_400_000_000));
        }
        let bends: [fn(&mut EarlyWarning); 5] = [
            |it| it.hazard.clear(),
            |it| it.issuer = " ".into(),
            |it| it.level = Choice::Yes.into(),
            |it| it.until_us = 1,
            |it| it.area.clear(),
        ];
        for bend in bends {
            assert_eq!(fujian.refused(&warning(bend)), Code::MissingFields);
        }
        assert_eq!(ministry.refused(&warning(|_| ())), Code::MissingAddressee);
        assert!(quanzhou.file(&warning(|_| ())).is_ok());
    }
}
