// When a dimension value counts as seen, and when it makes room: the same for both implementations.

/** A value unseen for this long makes room for a new one. */
export const UNSEEN_MAKES_ROOM_MS = 48 * 3_600_000;
/** A sighting is written at most this often. */
export const SIGHTING_EVERY_MS = 3_600_000;
