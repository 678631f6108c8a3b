/** Starts programs. Loaded when there is one to start: loading it takes a third as long as a whole short command. */
export const loadExeca = async () => (await import('execa')).execa;
