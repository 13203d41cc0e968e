// English.
import type { Words } from './words.ts'

export const EN: Words = {
  title: 'Chasqui stick',
  banner: {
    working: {
      big: 'WAIT – do not remove',
      small: 'The machine is still working with this stick. This page changes when it is done.'
    },
    done: {
      big: 'DONE – safe to remove',
      small: 'Everything was written. Eject the stick, then pull it out.'
    },
    trouble: {
      big: 'DONE, WITH ERRORS – safe to remove',
      small: 'Not everything went well: see below. Eject the stick, go on, and tell head office.'
    },
    failed: { big: 'FAILED – safe to remove', small: 'This visit did not come to its end.' }
  },
  elsewhere:
    'Read at another machine, this means: the stick was pulled out too early. Nothing is lost; plug it in again at',
  outcome: {
    working: 'working',
    done: 'done',
    trouble: 'done, with errors',
    failed: 'failed',
    cut: 'pulled out too early'
  },
  advice: {
    STICK_FULL: 'The stick is full: make room on it, or take a larger one.',
    STICK_READ_ONLY: 'The stick cannot be written to: look for a lock switch on it.',
    STICK_REMOVED: 'It was pulled out too early: plug it in again and wait.',
    STICK_DAMAGED: 'Files on the stick are damaged: take it to head office, where it is repaired.',
    STICK_TAMPERED: 'Files on the stick were changed by somebody: take it to head office, use another stick.',
    STICK_OTHER_FLEET: 'This stick belongs to another company’s machines.',
    DISK_FULL: 'The disk of this machine is full: tell head office.',
    other: 'Plug it in once more; if it fails again, tell head office what is written below.'
  },
  troubles: {},
  waits: {
    READY: 'is ready: this machine applies it as soon as Chasqui runs on it',
    PLAN_WINDOW: 'waits for its time of day',
    PLAN_MANUAL: 'waits until somebody at the branch applies it',
    PLAN_HELD: 'is held by somebody at the branch',
    PLAN_ROLLOUT: 'it is not the turn of this branch yet',
    PLAN_HALTED: 'was stopped: it failed at other branches',
    PLAN_QUARANTINED: 'failed here before and is not tried again',
    PLAN_YANKED: 'was withdrawn by head office',
    PLAN_STALE: 'the news from head office is too old',
    PLAN_REQUIRES: 'another module is missing',
    PLAN_NOT_HERE: 'is not on this stick: it comes with another one',
    other: 'waits'
  },
  when: 'When (UTC)',
  machine: 'Machine',
  headOffice: 'head office',
  branch: 'branch',
  result: 'Result',
  software: 'Software',
  waiting: 'Waits',
  updatesWait: 'Updates that are here and wait (see below)',
  unchanged: 'unchanged',
  nothing: '–',
  errors: 'Errors',
  noErrors: 'none',
  carried: 'Read / written',
  madeFor: 'For',
  part: 'Stick',
  readme: `This stick carries software updates from head office to branches, and reports back.

What to do: plug it in at a machine that runs Chasqui, wait until STATUS.html says "DONE", eject it,
take it to the next machine. STATUS.html shows what happened at each.

You can pull it out at any time: nothing is lost and nothing half-done is installed; the next visit
goes on where this one stopped. Do not change or delete anything in this folder. Everything in it is
checked before it is used. There is nothing in it to open or run; only who sets up a new site follows
the invite sheet from head office, before anything in the folder "installer" is run.`
}
