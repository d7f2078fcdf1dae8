//! What is done once a day: models are fitted anew on what the days before had, and take
//! the place of the old ones where they pass the gate.

use crate::baseline::{Baseline, COLD_DAYS, Learned, PEAK_DAYS, Phase};
use crate::budget::ALERT_PER_DAY;
use crate::gate;
use crate::judge::{Model, ROWS_MIN, Scale, Subject};
use crate::moment::DAY_NS;
use crate::save::LoadError;

/// Days whose rows models are fitted on.
const ROW_DAYS: u16 = 28;

impl Learned {
    /// Incidents of the day before `day` that the line from the days before would alert.
    fn yesterday_over_line(&self, day: u16) -> usize {
        let line = self.peaks.line(self.first_day + PEAK_DAYS, day - 1);
        let over = |peak: &&f32| {
            line.as_ref()
                .is_some_and(|line| line.per_day(**peak) <= ALERT_PER_DAY)
        };
        self.peaks.last().iter().filter(over).count()
    }
}

impl Baseline {
    /// At the first event of a new day: what the days before had is fitted.
    pub(crate) fn end_day(&mut self, day: u16, time_ns: i64) {
        let learned = &mut self.learned;
        self.incidents.settle(time_ns, &mut learned.peaks);
        self.live.end_day(learned.today, &mut learned.tables.chains);
        learned.today = day;
        learned.tables.fade();
        let oldest = day.saturating_sub(ROW_DAYS);
        learned.tables.chains.forget_before(oldest);
        for rows in &mut learned.rows {
            rows.settle(oldest);
        }
        let _ = self.fit(day, time_ns);
        let phase = self.phase();
        let learned = &mut self.learned;
        let line = learned.peaks.line(learned.first_day + PEAK_DAYS, day);
        // Lines of the days of learning come from too few days to hold the first one.
        let held = phase == Phase::Detect && day > learned.detecting_since + 1;
        let before = learned.line.take().filter(|_| held);
        learned.line = match (line, before) {
            (Some(line), Some(before)) => Some(line.near(&before)),
            (line, _) => line,
        };
        learned.peaks.begin(day);
    }

    /// Goes back to what was learned until an earlier day, and goes on with it at `time_ns`:
    /// nothing is fitted for the days between, as whoever goes back to models wants these.
    /// What people decided stands.
    ///
    /// # Errors
    /// As [`restore`](Self::restore); nothing is changed then.
    pub fn go_back(&mut self, bytes: &[u8], time_ns: i64) -> Result<(), LoadError> {
        let decided = self.learned.behaviours.clone();
        self.restore(bytes)?;
        let learned = &mut self.learned;
        learned.behaviours.keep_decisions(decided);
        let day = (time_ns / DAY_NS).clamp(0, i64::from(u16::MAX)) as u16;
        if learned.first_day > 0 && day > learned.today {
            learned.today = day;
            learned.peaks.begin(day);
        }
        Ok(())
    }

    /// Fits models on what there is until now, today included, and takes them where they
    /// pass the gate. Gives the sentence about them.
    ///
    /// # Errors
    /// Where there is too little to fit any on.
    pub fn fit_now(&mut self, time_ns: i64) -> Result<String, String> {
        let rows = self.learned.rows[Subject::Start as usize].len();
        match self.fit(self.learned.today, time_ns) {
            true => Ok(self.learned.verdict.clone()),
            false => Err(format!(
                "too little was seen for models: {rows} of {ROWS_MIN} program starts that are \
                 counted, which begins on the second day"
            )),
        }
    }

    /// Fits models on what there is, and takes them where they pass the gate; false where
    /// there is too little.
    fn fit(&mut self, day: u16, time_ns: i64) -> bool {
        let phase = self.phase();
        let learned = &mut self.learned;
        let seed = u64::from(learned.generation) + 1;
        let fit = |subject| Model::fit(subject, &learned.rows[subject as usize], seed);
        let Some(start) = fit(Subject::Start) else {
            // Too little was seen for a forest; the rarity of things needs none.
            self.calibrate(day);
            return false;
        };
        let old = &self.models[Subject::Start as usize];
        let alerts = learned.yesterday_over_line(day);
        let budget = self.config.alerts_per_day as usize;
        let verdict = match phase {
            // While learning goes on models may change as they like.
            Phase::Learn => {
                learned.anchor = None;
                gate::judge(
                    &Model::default(),
                    &start,
                    &learned.rows[0],
                    None,
                    alerts,
                    budget,
                )
            }
            Phase::Detect => gate::judge(
                old,
                &start,
                &learned.rows[0],
                learned.anchor,
                alerts,
                budget,
            ),
        };
        if phase == Phase::Detect {
            learned.anchor.get_or_insert(verdict.auroc);
        }
        learned.verdict = verdict.sentence;
        if !verdict.promoted {
            return true;
        }
        let contact = fit(Subject::Contact);
        learned.generation += 1;
        learned.fitted_ns = time_ns;
        let mut take = |model: Model, subject: Subject| {
            let old = &mut self.models[subject as usize];
            let autoencoder = old.autoencoder.take();
            *old = Model {
                autoencoder,
                usual_error: old.usual_error,
                ..model
            };
        };
        take(start, Subject::Start);
        if let Some(contact) = contact {
            take(contact, Subject::Contact);
        }
        self.calibrate(day);
        true
    }

    fn calibrate(&mut self, day: u16) {
        let learned = &self.learned;
        // The first days that were judged at all say more about empty tables.
        let first_day = (learned.first_day + COLD_DAYS + 1).min(day.saturating_sub(1));
        for (scale, ledgers) in self.scales.iter_mut().zip(&learned.ledgers) {
            *scale = Scale::fit(ledgers, first_day);
        }
    }
}
