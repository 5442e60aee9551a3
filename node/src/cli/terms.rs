//! The words of the plan, read and printed: one table per term, Chinese and English in, one code for machines out.

use clap::builder::PossibleValue;
use proto::v1::{
    BypassCause, Category, Choice, Classification, Escalation, Grade, Item, Kind, Lateral, LogMatter, Manner, NilState,
    Order, PointState, Post, Precedence, Readiness, Role, Severity, Stage, Standing, Status, Subject, Verdict,
};

use super::words::Words;

/// One value of a term.
#[derive(Debug)]
pub struct Term<T: 'static> {
    /// The value.
    pub value: T,
    /// What machines read and write. Stable.
    pub code: &'static str,
    /// The message that names it to people.
    pub key: &'static str,
    /// What else people type.
    pub also: &'static [&'static str],
}

/// A term with a table.
pub trait Listed: Copy + PartialEq + 'static {
    /// All its values, in the order people list them.
    const TERMS: &'static [Term<Self>];

    /// What machines read. A value from a newer station has none of ours.
    fn code(self) -> &'static str {
        Self::TERMS.iter().find(|term| term.value == self).map_or("unknown", |term| term.code)
    }

    /// What people read.
    fn word(self, words: &Words) -> String {
        let key = Self::TERMS.iter().find(|term| term.value == self).map_or("unknown", |term| term.key);
        words.text(key)
    }

    /// What somebody typed.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = |term: &&Term<Self>| {
            term.code.eq_ignore_ascii_case(text) || term.also.iter().any(|also| also.eq_ignore_ascii_case(text))
        };
        Self::TERMS.iter().find(fits).map(|term| term.value)
    }

    /// What may be typed, for the command line: the reader's own word is shown, all others are taken.
    fn choices(words: &Words) -> Vec<PossibleValue> {
        let chinese = words.lang() == super::words::Lang::Zh;
        let choice = |term: &'static Term<Self>| {
            let shown = if chinese { term.also.first().unwrap_or(&term.code) } else { &term.code };
            let others = term.also.iter().chain([&term.code]).filter(move |other| *other != shown);
            PossibleValue::new(*shown).aliases(others.copied())
        };
        Self::TERMS.iter().map(choice).collect()
    }

    /// The same as a sentence's list.
    fn listing(words: &Words) -> String {
        let shown: Vec<_> = Self::choices(words).iter().map(|choice| choice.get_name().to_owned()).collect();
        shown.join(", ")
    }
}

macro_rules! terms {
    ($name:ident, $prefix:literal: $($value:ident $code:literal [$($also:literal),*];)+) => {
        impl Listed for $name {
            const TERMS: &'static [Term<Self>] = &[$(Term {
                value: $name::$value,
                code: $code,
                key: concat!($prefix, "-", $code),
                also: &[$($also),*],
            }),+];
        }
    };
}

terms!(Precedence, "precedence":
    TeTi "te-ti" ["特提", "teti", "flash"];
    TeJi "te-ji" ["特急", "teji", "immediate"];
    JiaJi "jia-ji" ["加急", "jiaji", "priority"];
    PingJi "ping-ji" ["平急", "pingji"];
    Routine "routine" ["平件"];
);

terms!(Status, "status":
    Actual "actual" ["实际"];
    Exercise "exercise" ["演练"];
    System "system" ["系统"];
    Test "test" ["测试"];
    Draft "draft" ["草稿"];
);

terms!(Classification, "classification":
    Public "public" ["公开"];
    Internal "internal" ["内部"];
    Confidential "confidential" ["秘密"];
    Secret "secret" ["机密"];
    TopSecret "top-secret" ["绝密"];
);

terms!(Kind, "kind":
    InitialReport "initial-report" ["首报", "初报"];
    FollowUpReport "follow-up-report" ["续报"];
    FinalReport "final-report" ["终报"];
    RequestForInstructions "request-for-instructions" ["请示"];
    Approval "approval" ["批复同意"];
    Denial "denial" ["批复不同意"];
    Directive "directive" ["指示"];
    Endorsement "endorsement" ["审核意见"];
    LateralNotice "lateral-notice" ["横向通报"];
    Assessment "assessment" ["评估"];
    PolicyRelease "policy-release" ["预案版本"];
    Decision "decision" ["决定"];
    NilReport "nil-report" ["平安报", "零报告"];
    Preparation "preparation" ["考前准备"];
    Proposal "proposal" ["拟稿"];
    Vote "vote" ["表决"];
    LogEntry "log-entry" ["值班日志"];
    Bypass "bypass" ["越级报告"];
    Linkage "linkage" ["同一事件"];
    Bulletin "bulletin" ["汇总", "汇总快报"];
    HandOver "hand-over-of-lead" ["移交牵头"];
    Roster "roster" ["值班表"];
    EarlyWarning "early-warning" ["预警信息", "预警"];
    Cancel "cancel" ["撤销"];
    Receipt "receipt" ["回执"];
);

terms!(Lateral, "lateral":
    PublicSecurity "public-security" ["公安", "公安机关", "police", "110"];
    Secrecy "secrecy" ["保密", "保密部门"];
    Telecom "telecom" ["电信", "无线电"];
    Health "health" ["卫生", "卫生防疫", "120"];
    Meteo "meteo" ["气象"];
    PartyGov "party-gov" ["党政", "党委政府"];
    Fire "fire" ["消防", "119"];
    Discipline "discipline" ["纪检", "纪检监察"];
    Justice "justice" ["司法机关"];
    Internet "internet" ["网信"];
);

terms!(Subject, "subject":
    AsScheduled "as-scheduled" ["如期进行", "如期"];
    Postpone "postpone" ["延期"];
    Suspend "suspend" ["中止考试", "中止"];
    Void "void" ["考试作废", "作废"];
    Change "change" ["变更考试安排", "变更"];
    SuspendService "suspend-service" ["暂停信息系统"];
    ResumeService "resume-service" ["恢复信息系统"];
    Notify "notify" ["告知考生", "告知"];
    Publish "publish" ["向社会发布", "发布"];
    SparePaper "spare-paper" ["启用备用卷"];
    Other "other" ["其他"];
);

terms!(Order, "order":
    Guidance "guidance" ["指导"];
    Deployment "deployment" ["派员"];
    Support "support" ["支援"];
    Query "query" ["核实"];
    Supervision "supervision" ["督办"];
    RollCall "roll-call" ["点名"];
    Urge "urge" ["催办"];
    Drill "drill" ["演练开始"];
    DrillOver "drill-over" ["演练结束"];
);

terms!(Manner, "manner":
    Phone "phone" ["电话"];
    InPerson "in-person" ["当面"];
    Written "written" ["书面"];
);

terms!(Role, "role":
    Action "action" ["主送"];
    Info "info" ["抄送"];
);

terms!(Category, "category":
    PaperSecurity "paper-security" ["试卷安全"];
    RoomOrder "room-order" ["考场秩序"];
    Discipline "discipline" ["考试纪律"];
    NaturalDisaster "natural-disaster" ["自然灾害"];
    Epidemic "epidemic" ["重大疫情"];
    Accident "accident" ["意外事故"];
    InfoSecurity "info-security" ["信息安全"];
    PublicOpinion "public-opinion" ["网络舆情"];
    Other "other" ["其他"];
);

terms!(Grade, "grade":
    I "I" ["Ⅰ", "1", "红", "特别重大"];
    Ii "II" ["Ⅱ", "2", "橙", "重大"];
    Iii "III" ["Ⅲ", "3", "黄", "较大"];
    Iv "IV" ["Ⅳ", "4", "蓝", "一般"];
);

terms!(Item, "item":
    Dead "dead" ["死亡"];
    Injured "injured" ["受伤"];
    Missing "missing" ["失踪"];
    Evacuated "evacuated" ["疏散"];
    Seated "seated" ["在场应试人员"];
    Holding "holding" ["考试实施"];
    Rooms "rooms" ["受影响考场"];
    Candidates "candidates" ["受影响应试人员"];
    MinutesLost "minutes-lost" ["耽误分钟"];
    Papers "papers" ["试卷状况"];
    Bags "bags" ["试卷袋"];
    BagsMissing "bags-missing" ["丢失试卷袋"];
    SealsBroken "seals-broken" ["封装损毁"];
    Spread "spread" ["扩散情况"];
    SpreadRange "spread-range" ["扩散范围"];
    CustodyStep "custody-step" ["所处环节"];
    Disorder "disorder" ["扰乱情形"];
    PoliceCalled "police-called" ["报警时间"];
    PoliceReference "police-reference" ["接警编号"];
    LargeScale "large-scale" ["大规模"];
    Organised "organised" ["有组织"];
    Vicious "vicious" ["性质恶劣"];
    GraveEffect "grave-effect" ["影响严重"];
    Channel "channel" ["作弊渠道"];
    ChannelMark "channel-mark" ["频率或号码"];
    Hazard "hazard" ["灾害种类"];
    WarningLevel "warning-level" ["预警级别"];
    WarningIssuer "warning-issuer" ["预警发布单位"];
    StoppedAt "stopped-at" ["停考时间"];
    Disease "disease" ["病种"];
    Verified "verified" ["核实情况"];
    VerifiedBy "verified-by" ["核实单位"];
    VerifiedAt "verified-at" ["核实时间"];
    Isolated "isolated" ["隔离"];
    Accident "accident" ["事故种类"];
    Briefed "briefed" ["已教育应试人员"];
    BriefedAt "briefed-at" ["教育时间"];
    System "system" ["信息系统"];
    Symptom "symptom" ["系统故障"];
    Since "since" ["故障始于"];
    Cause "cause" ["原因"];
    ClueNature "clue-nature" ["舆情性质"];
    Phase "phase" ["工作阶段"];
    Platform "platform" ["平台"];
    Link "link" ["链接"];
    FirstSeen "first-seen" ["首次发现"];
    ShowsContent "shows-content" ["涉及试题"];
    SceneControlled "scene-controlled" ["控制现场"];
    EvidenceKept "evidence-kept" ["保护证据"];
    Contained "contained" ["防止扩散"];
    PublicGuided "public-guided" ["舆论引导"];
    SceneClosed "scene-closed" ["封闭现场"];
    EntryBarred "entry-barred" ["禁止进入"];
    Calmed "calmed" ["解释疏导"];
    Agitators "agitators" ["煽动者处理"];
    CheatingStopped "cheating-stopped" ["制止作弊"];
    Cheaters "cheaters" ["作弊人员查处"];
    CandidatesTold "candidates-told" ["告知应试人员"];
    Sheltered "sheltered" ["安全避险"];
    SourceTraced "source-traced" ["信息源头"];
    RumourCountered "rumour-countered" ["干预炒作"];
);

terms!(Choice, "choice":
    Yes "yes" ["是"];
    No "no" ["否"];
    Unknown "unknown" ["不明"];
    Other "other" ["其他"];
    Normal "normal" ["正常"];
    Postponed "postponed" ["推迟"];
    Halted "halted" ["中止"];
    Safe "safe" ["安全"];
    Damaged "damaged" ["损毁"];
    Lost "lost" ["丢失"];
    NotSpread "not-spread" ["未扩散"];
    Suspected "suspected" ["可能扩散"];
    Spread "spread" ["已扩散"];
    Transport "transport" ["运送"];
    Storage "storage" ["保管"];
    Opening "opening" ["启封"];
    InSession "in-session" ["考试中"];
    Collection "collection" ["回收"];
    Dispute "dispute" ["争端"];
    Incitement "incitement" ["煽动闹事"];
    Violence "violence" ["行凶"];
    Explosion "explosion" ["爆炸"];
    Terror "terror" ["恐怖袭击"];
    Radio "radio" ["无线电"];
    Sms "sms" ["短信"];
    Chat "chat" ["网络聊天"];
    Flood "flood" ["洪水"];
    Typhoon "typhoon" ["台风"];
    Earthquake "earthquake" ["地震"];
    Red "red" ["红色"];
    Orange "orange" ["橙色"];
    Yellow "yellow" ["黄色"];
    Blue "blue" ["蓝色"];
    Unverified "unverified" ["待核实"];
    Confirmed "confirmed" ["属实"];
    Refuted "refuted" ["不属实"];
    Fire "fire" ["火灾"];
    Poisoning "poisoning" ["集体中毒"];
    Collapse "collapse" ["房屋倒塌"];
    Registration "registration" ["报名系统"];
    Results "results" ["成绩查询系统"];
    Qualification "qualification" ["资格申请系统"];
    Outage "outage" ["中断运行"];
    DataLoss "data-loss" ["数据丢失"];
    DataTheft "data-theft" ["数据被窃取"];
    Tampering "tampering" ["数据被篡改"];
    Sabotage "sabotage" ["人为破坏"];
    Technical "technical" ["技术故障"];
    Tendency "tendency" ["倾向性"];
    Emerging "emerging" ["苗头性"];
    Gathering "gathering" ["聚集性"];
    Registering "registering" ["考试报名"];
    HoldingExam "holding-exam" ["考试实施阶段"];
    DisputingAnswers "disputing-answers" ["答案异议"];
    Marking "marking" ["试卷评阅"];
    PublishingResults "publishing-results" ["成绩发布"];
    Qualifying "qualifying" ["资格申请"];
);

terms!(Stage, "stage":
    Custody "custody" ["链路接收"];
    Delivered "delivered" ["送达"];
    Signed "signed" ["签收"];
    Read "read" ["阅知"];
    Undertaken "undertaken" ["承办"];
    Completed "completed" ["办结"];
    CannotComply "cannot-comply" ["无法执行"];
    Delayed "delayed" ["延误"];
    NotDelivered "not-delivered" ["未送达"];
    Expired "expired" ["过期"];
);

terms!(Standing, "standing":
    Active "active" ["有效"];
    Superseded "superseded" ["已被取代"];
    Cancelled "cancelled" ["已撤销"];
    Expired "expired" ["已过期"];
    Closed "closed" ["已办结"];
);

terms!(NilState, "nil":
    Received "received" [];
    Late "late" [];
    Awaited "awaited" [];
    Missing "missing" [];
    Silent "silent" [];
);

terms!(Readiness, "readiness":
    Done "done" [];
    NotYet "not-yet" [];
    NotConcerned "not-concerned" [];
);

terms!(PointState, "point":
    Done "done" [];
    NotConcerned "not-concerned" [];
    NotYet "not-yet" [];
    Overdue "overdue" [];
    Awaited "awaited" [];
    Missing "missing" [];
    Silent "silent" [];
);

terms!(LogMatter, "log":
    Shift "shift" [];
    HandOver "hand-over" [];
    Note "note" [];
    Phone "phone" [];
    Submitted "submitted" [];
    Read "read" [];
    Reading "reading" [];
    Account "account" [];
    Notified "notified" [];
    Meeting "meeting" [];
    Declined "declined" [];
);

terms!(Post, "post":
    DutyOfficer "duty-officer" ["值班员"];
    DutyLeader "duty-leader" ["带班领导"];
    LeadingGroup "leading-group" ["领导小组"];
    Reader "reader" ["只读"];
    Wall "wall" ["大屏"];
    System "system" ["系统管理员"];
    Security "security" ["安全管理员"];
    Audit "audit" ["审计员"];
);

terms!(BypassCause, "bypass-cause":
    LineDown "line-down" [];
    NotSigned "not-signed" [];
    Ordered "ordered" [];
);

terms!(Escalation, "escalation":
    DutyOfficer "duty-officer" [];
    DutyLeader "duty-leader" [];
    Principal "principal" [];
    Above "above" [];
);

terms!(Verdict, "verdict":
    Done "done" [];
    Late "late" [];
    Open "open" [];
    Overdue "overdue" [];
    Unknown "unknown" [];
);

terms!(Severity, "severity":
    Ok "ok" [];
    Warning "warning" [];
    Failure "failure" [];
);

/// The 首报 is the first of its incident; a 续报 carries its number.
pub fn kind_word(kind: Kind, position: u32, words: &Words) -> String {
    match kind {
        Kind::FollowUpReport if position > 1 => words.say("kind-follow-up-number", &[("n", (position - 1).into())]),
        _ => kind.word(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::words::Lang;

    #[test]
    fn people_type_either_language() {
        assert_eq!(Precedence::parse("特提"), Some(Precedence::TeTi));
        assert_eq!(Precedence::parse("te-ti"), Some(Precedence::TeTi));
        assert_eq!(Grade::parse("i"), Some(Grade::I));
        assert_eq!(Grade::parse("Ⅳ"), Some(Grade::Iv));
        assert_eq!(Category::parse(" 试卷安全 "), Some(Category::PaperSecurity));
        assert_eq!(Grade::parse("rde"), None);
    }

    /// The trap in the English names: 机密 is Secret and 秘密 is Confidential.
    #[test]
    fn the_two_secrets_are_not_mixed_up() {
        assert_eq!(Classification::parse("机密"), Some(Classification::Secret));
        assert_eq!(Classification::parse("秘密"), Some(Classification::Confidential));
    }

    fn named<T: Listed>() -> impl Iterator<Item = &'static str> {
        T::TERMS.iter().map(|term| term.key)
    }

    #[test]
    fn every_value_has_a_word_in_both_languages() {
        let keys: Vec<_> = named::<Precedence>()
            .chain(named::<Status>())
            .chain(named::<Classification>())
            .chain(named::<Kind>())
            .chain(named::<Lateral>())
            .chain(named::<Manner>())
            .chain(named::<LogMatter>())
            .chain(named::<NilState>())
            .chain(named::<Subject>())
            .chain(named::<Verdict>())
            .chain(named::<Role>())
            .chain(named::<Category>())
            .chain(named::<Grade>())
            .chain(named::<Item>())
            .chain(named::<Choice>())
            .chain(named::<Stage>())
            .chain(named::<Standing>())
            .chain(named::<Severity>())
            .chain(named::<BypassCause>())
            .chain(named::<Escalation>())
            .chain(named::<Post>())
            .collect();
        for lang in [Lang::Zh, Lang::En] {
            let words = Words::new(lang);
            for key in &keys {
                assert!(words.has(key), "{key} in {lang:?}");
            }
        }
    }
}
