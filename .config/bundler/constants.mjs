// Where the plugin's sources and its build stand, from the repository's root.
export const SOURCE_DIR = 'src';
export const DIST_DIR = 'dist';
