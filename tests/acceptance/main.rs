//! What must hold, each a test of the real binary from outside.
//!
//! | file | claim |
//! |---|---|
//! | `wire` | a receiver sees the documented request, byte for byte |
//! | `verifiers` | other people's code verifies token and signature |
//! | `order` | no later notification of a work order overtakes an earlier one |
//! | `kills` | what was acknowledged survives kill -9 |
//! | `work_orders` | an act tells of itself, is whole after a kill, and breaks no rule in a crowd |
//! | `synced` | what is acknowledged is synced to the disk |
//! | `disk` | a disk that is full or fails loses nothing |
//! | `start` | what keeps the service from starting is said, with what to do |
//! | `doctor` | what is wrong with an installation is said, with what to do, and nothing is changed |
//! | `alerts` | what somebody should know of is told once, also after a restart |
//! | `audit` | who changed what from where is recorded, also behind a proxy |
//! | `backup` | a restore and a move lose nothing that was acknowledged, and go on |
//! | `bad_input` | a bad request changes nothing |
//! | `by_hand` | dead, retry by hand, discard |
//! | `size` | a day takes the room that the book says, and the bound on the size is kept |
//! | `metrics` | numbers are right, and an idle service asks its store nothing |
//! | `neighbours` | endpoints that misbehave hurt nobody else |
//! | `emulate` | a configured endpoint can be tried out; that is logged and disturbs nothing |
//! | `feed` | a feed keeps its order and places, and its readers do not hold up a stop |
//! | `listen` | a developer sees each notification once, whichever side ends |
//! | `recipes` | receivers in other languages judge all vectors and earn an A |
//! | `keys` | keys can be replaced while deliveries go on |
//! | `erase` | nothing of an erased work order is left in files, backups, answers |
//! | `erase_order` | nothing of an erased work order that is held is left either |
//! | `replay` | a hundred thousand are sent again through kills, and live ones overtake them |
//! | `token_page` | the page that takes a token apart prints what it says |
//! | `tutorial` | the page for beginners does what it says |
//! | `portal` | people do in a real browser what the book says, and every page is good |
//! | `demo` | the demo verifies everything |

mod alerts;
mod audit;
mod backup;
mod bad_input;
mod by_hand;
mod demo;
mod disk;
mod doctor;
mod emulate;
mod erase;
mod erase_order;
mod feed;
mod keys;
mod kills;
mod listen;
mod metrics;
mod neighbours;
mod notification;
mod order;
mod portal;
mod recipes;
mod replay;
mod size;
mod start;
mod synced;
mod token_page;
mod tutorial;
mod verifiers;
mod wire;
mod work_orders;
