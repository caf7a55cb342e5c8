// When a dimension value counts as seen, and when it makes room: the same for both implementations.

/** A value unseen for this long makes room for a new one. */
export const UNSEEN_MAKES_ROOM_MS = 48 * 3_600_000;
/** A registry that nobody has asked for so long belongs to a definition that is gone. */
export const ABANDONED_AFTER_S = 30 * 24 * 3_600;
/** A sighting is written at most this often. */
export const SIGHTING_EVERY_MS = 3_600_000;
