//! What is remembered of the processes that run now. It is not saved: after a restart it
//! fills again from the events.

use std::net::IpAddr;

use sentinel_event::{ExecId, Process};

use crate::chains::{Chain, Chains};
use crate::hash;
use crate::identity;
use crate::moment::MINUTE_NS;
use crate::order::{Order, Reading};
use crate::recent::Recent;
use crate::schema::Row;

/// Surprises of a tree that are looked back at.
const LOOK_BACK: usize = 20;
/// Tokens before the next one.
pub(crate) const CONTEXT: usize = 4;

/// A process image: its row as it was when the image began, and who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Image {
    pub(crate) row: Row,
    pub(crate) program: u64,
    /// Whether a connection of it was counted already.
    pub(crate) connected: bool,
}

/// A process tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) tokens: [u32; CONTEXT],
    pub(crate) length: usize,
    bits: [f32; LOOK_BACK],
    chain: Chain,
    reading: Reading,
    /// Something of it must not be learned.
    tainted: bool,
}

impl Tree {
    /// The tokens so far, at most [`CONTEXT`], the latest last.
    pub(crate) fn context(&self) -> &[u32] {
        &self.tokens[CONTEXT - self.length.min(CONTEXT)..]
    }

    /// The mean of the three largest surprises among the last 20, with `now` as the latest.
    pub(crate) fn top3(&self, now: f32) -> f32 {
        let mut all = self.bits;
        all[self.length % LOOK_BACK] = now;
        let mut top = [0.0_f32; 3];
        for bits in all {
            // Each one moves down what is less.
            let (first, rest) = (top[0].max(bits), top[0].min(bits));
            let (second, third) = (top[1].max(rest), top[1].min(rest));
            top = [first, second, top[2].max(third)];
        }
        top.iter().sum::<f32>() / 3.0
    }

    /// Appends a program; what is thereby complete of its order is given back.
    pub(crate) fn push(&mut self, token: u32, bits: f32, learn: bool) -> Option<Vec<u32>> {
        self.bits[self.length % LOOK_BACK] = bits;
        self.tokens.rotate_left(1);
        self.tokens[CONTEXT - 1] = token;
        self.length += 1;
        self.tainted |= !learn;
        let whole = self.chain.push(token);
        if whole.is_some() {
            self.reading.restart();
        }
        whole.filter(|_| !self.tainted)
    }

    /// It has a hole: what follows the hole is a new order, and the one before teaches nothing.
    fn doubt(&mut self) {
        self.chain = Chain::default();
        self.length = 0;
        self.tokens = [0; CONTEXT];
        self.reading.restart();
    }

    /// What its order still has to teach; it is over, or its day is.
    pub(crate) fn end(&mut self) -> Option<Vec<u32>> {
        self.reading.restart();
        let rest = std::mem::take(&mut self.chain).rest();
        rest.filter(|_| !self.tainted)
    }
}

/// A connection that was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) time_ns: i64,
    pub(crate) peer: IpAddr,
    /// Whether the login that it became was counted.
    pub(crate) counted: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    begin_ns: i64,
    count: u32,
}

impl Window {
    fn count(&mut self, time_ns: i64, length_ns: i64) -> u32 {
        if time_ns - self.begin_ns >= length_ns {
            *self = Window {
                begin_ns: time_ns,
                count: 0,
            };
        }
        self.count += 1;
        self.count
    }

    fn now(&self, time_ns: i64, length_ns: i64) -> u32 {
        if time_ns - self.begin_ns >= length_ns {
            0
        } else {
            self.count
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) images: Recent<ExecId, Image>,
    pub(crate) trees: Recent<u64, Tree>,
    pub(crate) accepted: Recent<ExecId, Accepted>,
    children: Recent<ExecId, Window>,
    networks: Recent<u64, Window>,
    /// Reused, so that a name costs no allocation.
    pub(crate) text: String,
}

const NEW_NETWORKS_NS: i64 = 10 * MINUTE_NS;

impl Live {
    /// Something was lost: the orders of programs that go on now have holes, and are not
    /// learned from.
    pub(crate) fn doubt_orders(&mut self) {
        self.trees.iter_mut().for_each(|(_, tree)| tree.doubt());
    }

    pub(crate) fn new() -> Self {
        Self {
            images: Recent::new(8_192),
            trees: Recent::new(2_048),
            accepted: Recent::new(4_096),
            children: Recent::new(4_096),
            networks: Recent::new(1_024),
            text: String::new(),
        }
    }

    /// The program of a process; its name is in `text` where it had to be made.
    pub(crate) fn program(&mut self, process: &Process) -> u64 {
        if let Some(image) = self.images.get(&process.exec_id) {
            return image.program;
        }
        identity::write_program(process, &mut self.text);
        hash::text(&self.text)
    }

    /// How unexpected a program is as the next of a tree, in bits, by the recurrent network;
    /// `surprise` is what the back-off model says.
    pub(crate) fn order_score(
        &mut self,
        order: &Order,
        tree: u64,
        program: u32,
        surprise: f32,
    ) -> f32 {
        match self.trees.get_mut(&tree) {
            Some(tree) => order.score(&tree.chain, &mut tree.reading, program, surprise),
            None => {
                let (chain, mut reading) = Default::default();
                order.score(&chain, &mut reading, program, surprise)
            }
        }
    }

    /// At the end of a day: what all trees have to teach, in an order that a replay has too.
    pub(crate) fn end_day(&mut self, day: u16, chains: &mut Chains) {
        let ended = self.trees.iter_mut();
        let mut ended: Vec<(u64, Vec<u32>)> = ended
            .filter_map(|(key, tree)| Some((*key, tree.end()?)))
            .collect();
        ended.sort_unstable();
        for (tree, order) in ended {
            chains.offer(day, tree, &order);
        }
    }

    /// Children of the process within this minute, with one more.
    pub(crate) fn children(&self, process: &Process, time_ns: i64) -> u32 {
        let window = self.children.get(&process.exec_id);
        window.map_or(0, |window| window.now(time_ns, MINUTE_NS)) + 1
    }

    /// Counts a child; gives how many the last full minute had when a new one begins.
    pub(crate) fn count_child(&mut self, process: &Process, time_ns: i64) -> Option<u32> {
        let (window, _) = self.children.entry(process.exec_id, Window::default);
        let before = window.count;
        (window.count(time_ns, MINUTE_NS) == 1 && before > 0).then_some(before)
    }

    /// Networks that were new to the program within ten minutes.
    pub(crate) fn new_networks(&self, program: u64, time_ns: i64) -> u32 {
        let window = self.networks.get(&program);
        window.map_or(0, |window| window.now(time_ns, NEW_NETWORKS_NS))
    }

    pub(crate) fn count_new_network(&mut self, program: u64, time_ns: i64) {
        let (window, _) = self.networks.entry(program, Window::default);
        window.count(time_ns, NEW_NETWORKS_NS);
    }

    /// Whether the process or one above it accepted a connection within a minute.
    pub(crate) fn served(&self, process: &Process, time_ns: i64) -> bool {
        std::iter::once(process)
            .chain(process.ancestors().take(6).map(|ancestor| &**ancestor))
            .any(|process| {
                let accepted = self.accepted.get(&process.exec_id);
                accepted.is_some_and(|accepted| time_ns - accepted.time_ns <= MINUTE_NS)
            })
    }

    /// The connection that the login above the process came by.
    pub(crate) fn login(&self, process: &Process) -> Option<(ExecId, Accepted)> {
        process.auid?;
        process.ancestors().take(24).find_map(|ancestor| {
            let accepted = self.accepted.get(&ancestor.exec_id)?;
            Some((ancestor.exec_id, *accepted))
        })
    }

    /// The process is no more.
    pub(crate) fn exit(&mut self, process: &Process) {
        self.images.remove(&process.exec_id);
        self.children.remove(&process.exec_id);
    }
}
