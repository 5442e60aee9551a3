//! What happens in the demo: one incident for each of the plan's eight categories, and what the ministry orders.
//! Modelled on events of the kind examination offices have met; every word is our own and every one is an exercise.

use proto::v1::{Category, Grade, Precedence, Stage};

use super::words::{Words, words};

/// One incident, from its first report to its last.
#[derive(Debug)]
pub(crate) struct Incident {
    pub(crate) category: Category,
    pub(crate) grade: Grade,
    pub(crate) precedence: Precedence,
    /// What people call it.
    pub(crate) title: Words,
    /// Where in the district.
    pub(crate) site: Words,
    pub(crate) steps: &'static [Step],
}

/// What the district writes next.
#[derive(Debug)]
pub(crate) enum Step {
    /// 首报
    First(Words),
    /// 续报
    FollowUp(Words),
    /// 请示, and what the ministry will answer.
    Ask { ask: Words, recommendation: Words, granted: bool, answer: Words },
    /// 终报
    Final(Words),
}

/// What the ministry orders.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) precedence: Precedence,
    pub(crate) to: Aim,
    /// All others are informed.
    pub(crate) inform_all: bool,
    pub(crate) require: Stage,
    pub(crate) title: Words,
    pub(crate) text: Words,
    pub(crate) fate: Fate,
}

/// Whom an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    All,
    Districts,
    OneProvince,
    DistrictsOfOneProvince,
}

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Done by all.
    Done,
    /// One addressee cannot, and says why.
    OneCannot,
    /// Withdrawn again.
    Cancelled,
}

/// Why an addressee cannot comply.
pub(crate) const CANNOT: Words = words(
    "备用考点昨夜断电,抢修至少需两小时,请改用相邻考区备用考点(演练)",
    "The reserve site lost power last night and needs two hours at least; please use a neighbour's site (exercise)",
);
/// Why an office passes its superior over.
pub(crate) const CUT_OFF: Words =
    words("与省厅的线路中断,情况不能等(演练)", "The line to the province is down and this cannot wait (exercise)");
/// What an addressee says when it is done.
pub(crate) const DONE: Words = words("已全部落实(演练)", "All carried out (exercise)");
/// Why an order is withdrawn.
pub(crate) const WITHDRAWN: Words =
    words("抽查名单有误,以重新下发的为准(演练)", "The list of rooms was wrong; a corrected one follows (exercise)");
/// What the ministry answers to a 请示 it has no script for.
pub(crate) const AGREED: Words = words("同意,请稳妥组织实施(演练)", "Agreed; carry it out with care (exercise)");

/// The decision the demo opens with: to every district, faster than anything.
pub(crate) const DECISION: Order = Order {
    precedence: Precedence::TeTi,
    to: Aim::Districts,
    inform_all: false,
    require: Stage::Signed,
    title: words("关于第二场考试如期举行的决定", "Decision: the second session goes ahead as planned"),
    text: words(
        "经领导小组研究决定,第二场考试按原定时间举行。各考区收到后立即签收(演练)",
        "The leading group has decided that the second session starts at its planned time. Sign on receipt (exercise)",
    ),
    fate: Fate::Done,
};

/// What else the ministry orders, in turn.
pub(crate) const ORDERS: &[Order] = &[
    Order {
        precedence: Precedence::JiaJi,
        to: Aim::All,
        inform_all: false,
        require: Stage::Signed,
        title: words("关于加强试卷交接清点的通知", "Count and sign for papers at every hand-over"),
        text: words(
            "各级交接试卷须两人在场、逐袋查验封条并登记编号,发现异常先封存再报告(演练)",
            "Hand papers over in the presence of two, check and note every seal; seal off first, then report (exercise)",
        ),
        fate: Fate::Done,
    },
    Order {
        precedence: Precedence::TeJi,
        to: Aim::OneProvince,
        inform_all: true,
        require: Stage::Completed,
        title: words("关于核查考点周边无线电信号的指示", "Check the air around the sites for radio signals"),
        text: words(
            "请会同公安、无线电管理部门对城区考点周边再次监测,一小时内报结果(演练)",
            "Monitor again around the city sites with police and radio authority; report within the hour (exercise)",
        ),
        fate: Fate::Done,
    },
    Order {
        precedence: Precedence::TeJi,
        to: Aim::DistrictsOfOneProvince,
        inform_all: false,
        require: Stage::Completed,
        title: words("关于启用备用考点的指示", "Bring the reserve sites into use"),
        text: words(
            "受台风影响的考点考生转至备用考点,落实车辆、引导和备用试卷后报办结(演练)",
            "Move candidates from the sites hit by the typhoon; report when buses, guides and spare papers are ready (exercise)",
        ),
        fate: Fate::OneCannot,
    },
    Order {
        precedence: Precedence::PingJi,
        to: Aim::Districts,
        inform_all: false,
        require: Stage::Undertaken,
        title: words("关于抽查部分考场监控录像的通知", "Spot-check recordings of some rooms"),
        text: words(
            "请按附列考场编号调阅首场录像并保存备查(演练)",
            "Pull and keep the first session's recordings of the rooms listed (exercise)",
        ),
        fate: Fate::Cancelled,
    },
];

/// One incident for each category.
pub(crate) const INCIDENTS: &[Incident] = &[
    Incident {
        category: Category::PaperSecurity,
        grade: Grade::I,
        precedence: Precedence::TeJi,
        title: words("试卷袋封条破损", "Torn seal on a bag of papers"),
        site: words("第三考点保密室", "Site 3, strong room"),
        steps: &[
            Step::First(words(
                "试卷运抵考点,两人清点时发现一袋封条裂开约三厘米,袋内卷册未见抽动,已当场封存、拍下封条编号(演练)",
                "On arrival two officers found one bag's seal split by three centimetres; booklets look untouched; bag resealed and its number noted (exercise)",
            )),
            Step::FollowUp(words(
                "已报同级保密部门和公安机关,监控显示途中车厢未开启,初判为搬运挤压(演练)",
                "Secrecy office and police informed; recordings show the van was never opened; pressure in transit is likely (exercise)",
            )),
            Step::Ask {
                ask: words(
                    "拟对该考场启用备用试卷,其余考场如期开考,妥否,请批示(演练)",
                    "May this room use the spare papers while all others start on time? (exercise)",
                ),
                recommendation: words(
                    "备用试卷已在保密室,两人护送,十分钟可到位",
                    "Spares are in the strong room and can be there in ten minutes under two guards",
                ),
                granted: true,
                answer: words(
                    "同意启用备用试卷,全程两人在场并录像(演练)",
                    "Agreed: use the spares, two persons present and on camera throughout (exercise)",
                ),
            },
            Step::Final(words(
                "备用试卷启用完毕,按时开考,破损袋移交保密部门鉴定(演练)",
                "Spares in use, the room started on time; the torn bag went to the secrecy office for examination (exercise)",
            )),
        ],
    },
    Incident {
        category: Category::RoomOrder,
        grade: Grade::Ii,
        precedence: Precedence::TeJi,
        title: words("入场口拥堵,考生情绪激动", "Crowd at the gate"),
        site: words("第一考点东门", "Site 1, east gate"),
        steps: &[
            Step::First(words(
                "身份核验设备故障,约二百名考生滞留门外,个别人推挤,暂无人受伤(演练)",
                "Identity scanners failed; about two hundred candidates are held outside, some pushing; nobody hurt (exercise)",
            )),
            Step::FollowUp(words(
                "增开两条人工核验通道,民警到场维持秩序,滞留人数降至六十(演练)",
                "Two manual lanes opened, police keep order; sixty people left outside (exercise)",
            )),
            Step::Ask {
                ask: words(
                    "可否将该考点首场考试整体推迟三十分钟,请指示(演练)",
                    "May the first session at this site start thirty minutes late? (exercise)",
                ),
                recommendation: words("预计十五分钟内全部入场", "All should be seated within fifteen minutes"),
                granted: false,
                answer: words(
                    "不同意整体推迟;对迟到考生逐一登记,按实际入场补足时间(演练)",
                    "Not agreed for the whole site; register those delayed and make up their time one by one (exercise)",
                ),
            },
            Step::Final(words(
                "考生全部入场,四十一人补足时间,秩序正常(演练)",
                "All seated, forty-one candidates given their time back, order restored (exercise)",
            )),
        ],
    },
    Incident {
        category: Category::Discipline,
        grade: Grade::Ii,
        precedence: Precedence::TeJi,
        title: words("监测到可疑无线电信号", "Suspicious radio signal"),
        site: words("第二考点外沿街宾馆", "Hotel facing site 2"),
        steps: &[
            Step::First(words(
                "开考二十分钟,监测车截获间断数字信号,方位指向对街宾馆,疑为向场内发送答案(演练)",
                "Twenty minutes in, the monitoring van caught bursts of digital signal from the hotel opposite; answers may be on the air (exercise)",
            )),
            Step::FollowUp(words(
                "公安查获发射设备一套,控制两人;场内查出耳机接收器一只,考生已停考(演练)",
                "Police seized a transmitter and hold two people; one earpiece was found and its wearer removed (exercise)",
            )),
            Step::Final(words(
                "信号消失,涉案人员移交公安,其他考点复查无异常(演练)",
                "The signal is gone, suspects are with the police, other sites checked and clean (exercise)",
            )),
        ],
    },
    Incident {
        category: Category::NaturalDisaster,
        grade: Grade::Ii,
        precedence: Precedence::TeJi,
        title: words("台风致考点停电进水", "Typhoon: power cut and flooding"),
        site: words("第四、第五考点", "Sites 4 and 5"),
        steps: &[
            Step::First(words(
                "台风外围影响,两个考点停电,一层走廊积水,考生已转至二楼,试卷完好(演练)",
                "The typhoon's edge cut power at two sites and flooded a corridor; candidates moved upstairs, papers safe (exercise)",
            )),
            Step::FollowUp(words(
                "阵风吹落三张答题卡,两人七分钟内全部找回,更换备用卡并由四方签字(演练)",
                "A gust took three answer cards; two officers found all within seven minutes; replaced and signed for by four parties (exercise)",
            )),
            Step::FollowUp(words(
                "发电机投入使用,照明恢复,气象部门预计两小时后风力减弱(演练)",
                "Generators run and light is back; the weather office expects the wind to ease in two hours (exercise)",
            )),
            Step::Final(words(
                "两考点考试完成,受影响考生补时二十分钟,无人员伤亡(演练)",
                "Both sites finished; affected candidates had twenty minutes added; nobody hurt (exercise)",
            )),
        ],
    },
    Incident {
        category: Category::Epidemic,
        grade: Grade::Iii,
        precedence: Precedence::JiaJi,
        title: words("入场测温发现发热考生", "Candidates with fever"),
        site: words("第六考点测温点", "Site 6, temperature check"),
        steps: &[
            Step::First(words(
                "测温发现三名考生高于三十八度,来自同一住宿点,已安排至隔离考场(演练)",
                "Three candidates above 38 degrees, all from one hostel; seated in the isolation room (exercise)",
            )),
            Step::FollowUp(words(
                "卫生部门初检为普通流感,同住人员排查中,隔离考场监考已做防护(演练)",
                "The health office finds common flu so far and is tracing room-mates; invigilators are protected (exercise)",
            )),
            Step::Final(words(
                "三人完成考试后由专车送诊,考场消毒完毕,无扩散(演练)",
                "All three finished and were driven to a clinic; rooms disinfected; no spread (exercise)",
            )),
        ],
    },
    Incident {
        category: Category::Accident,
        grade: Grade::Iv,
        precedence: Precedence::PingJi,
        title: words("考生突发腹痛", "A candidate falls ill"),
        site: words("第二考点 B-07 考场", "Site 2, room B-07"),
        steps: &[
            Step::First(words(
                "开考十分钟,一名考生剧烈腹痛,按规定尚不能离场,已扶至考务办休息,校医到场(演练)",
                "Ten minutes in, a candidate has severe stomach pain; not yet free to leave, resting in the office with a doctor (exercise)",
            )),
            Step::Final(words(
                "医生判断为急性胃炎,救护车送医,专人陪同至可离场时间,试卷已封存(演练)",
                "Acute gastritis; taken by ambulance with an escort until release time; the paper is sealed (exercise)",
            )),
        ],
    },
    Incident {
        category: Category::InfoSecurity,
        grade: Grade::Iii,
        precedence: Precedence::JiaJi,
        title: words("报名系统截止前无法访问", "Registration site down"),
        site: words("市司法局信息中心", "Justice bureau, data centre"),
        steps: &[
            Step::First(words(
                "报名截止日傍晚访问量骤增,系统响应超时,约四百人未完成缴费,未见入侵迹象(演练)",
                "On closing evening load rose sharply and the site timed out; about 400 unpaid registrations; no sign of intrusion (exercise)",
            )),
            Step::FollowUp(words(
                "扩容后恢复访问,数据库核对一致,未发生信息泄露(演练)",
                "More capacity brought it back; the database agrees with its backup; nothing leaked (exercise)",
            )),
            Step::Final(words(
                "报名时间顺延至次日中午,四百余人全部完成,日志已留存(演练)",
                "Closing moved to noon next day; all of them finished; logs kept (exercise)",
            )),
        ],
    },
    Incident {
        category: Category::PublicOpinion,
        grade: Grade::Ii,
        precedence: Precedence::TeJi,
        title: words("网传“考前试题截图”", "Screenshot said to show the questions"),
        site: words("某论坛及短信群", "A forum and text-message groups"),
        steps: &[
            Step::First(words(
                "巡查发现论坛流传一张短信截图,称为下午卷试题,发帖时间早于开考两小时,真伪待核(演练)",
                "A forum shows a text message said to hold the afternoon's questions, posted two hours before the start; not yet verified (exercise)",
            )),
            Step::FollowUp(words(
                "比对后与试卷无一题相同,发帖时间系修改所得,已请公安溯源、网信部门处置(演练)",
                "Compared: not one question matches and the time stamp was altered; police trace it, the net office acts (exercise)",
            )),
            Step::Final(words(
                "不实帖文已删除,发布者承认伪造,对外口径统一由部级发布(演练)",
                "The false post is gone and its author admits forging it; only the ministry speaks in public (exercise)",
            )),
        ],
    },
];

/// The ministry's answer to a 请示, found by its words: whether it agrees, and how it says so.
pub(crate) fn answer(ask: &str) -> (bool, Words) {
    INCIDENTS
        .iter()
        .flat_map(|incident| incident.steps)
        .find_map(|step| match step {
            Step::Ask { ask: asked, granted, answer, .. } if ask.starts_with(asked.zh) || ask.starts_with(asked.en) => {
                Some((*granted, *answer))
            }
            _ => None,
        })
        .unwrap_or((true, AGREED))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn texts() -> Vec<Words> {
        let mut all: Vec<Words> = vec![CANNOT, DONE, WITHDRAWN, AGREED, DECISION.text];
        all.extend(ORDERS.iter().map(|order| order.text));
        for step in INCIDENTS.iter().flat_map(|incident| incident.steps) {
            match step {
                Step::First(text) | Step::FollowUp(text) | Step::Final(text) => all.push(*text),
                Step::Ask { ask, answer, .. } => all.extend([*ask, *answer]),
            }
        }
        all
    }

    #[test]
    fn all_eight_categories_happen() {
        let happened: BTreeSet<i32> = INCIDENTS.iter().map(|incident| incident.category as i32).collect();
        assert_eq!(happened, (1..=8).collect());
    }

    #[test]
    fn an_incident_opens_with_one_first_report_and_closes_with_one_final() {
        for incident in INCIDENTS {
            let last = incident.steps.len() - 1;
            for (at, step) in incident.steps.iter().enumerate() {
                assert_eq!(matches!(step, Step::First(_)), at == 0, "{}", incident.title.en);
                assert_eq!(matches!(step, Step::Final(_)), at == last, "{}", incident.title.en);
            }
        }
    }

    #[test]
    fn every_text_is_in_both_languages_and_says_it_is_an_exercise() {
        for text in texts() {
            assert!(text.zh.contains("(演练)"), "{}", text.zh);
            assert!(text.en.contains("(exercise)"), "{}", text.en);
            assert!(text.en.is_ascii() && !text.zh.is_ascii());
        }
    }

    #[test]
    fn a_request_gets_its_own_answer_in_either_language() {
        let mut granted = BTreeSet::new();
        for step in INCIDENTS.iter().flat_map(|incident| incident.steps) {
            let Step::Ask { ask, granted: expected, answer: text, .. } = step else { continue };
            for words in [ask.zh, ask.en] {
                let (agreed, answered) = answer(&format!("{words} 〔12〕"));
                assert_eq!((agreed, answered.zh), (*expected, text.zh));
            }
            granted.insert(*expected);
        }
        assert_eq!(granted.len(), 2, "one is granted and one is not");
        assert_eq!(answer("anything else").1.zh, AGREED.zh);
    }

    #[test]
    fn orders_reach_every_kind_of_addressee_and_meet_every_fate() {
        assert!([Aim::All, Aim::Districts, Aim::OneProvince].iter().all(|aim| ORDERS.iter().any(|o| o.to == *aim)));
        assert!([Fate::Done, Fate::OneCannot, Fate::Cancelled].iter().all(|f| ORDERS.iter().any(|o| o.fate == *f)));
    }
}
