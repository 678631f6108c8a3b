/** Which paths of a workspace the patterns of artifacts name. Their time is linear in the length of a path. */
import { linearPattern } from '../snapshots/linear-pattern.js';

export interface ArtifactPatterns {
  /** The patterns that name a file, or a directory above it. */
  naming(path: string): readonly string[];
  /** The patterns that may name files below a directory. */
  leadingBelow(path: string): readonly string[];
}

interface Pattern {
  readonly text: string;
  /** Whether it names files and directories that begin with a dot. */
  readonly namesHidden: boolean;
  matches(parts: readonly string[]): boolean;
  leadsFrom(parts: readonly string[]): boolean;
}

/** @param texts as a plan has them: relative, without . and .. */
export function artifactPatterns(texts: readonly string[]): ArtifactPatterns {
  const patterns = texts.map(patternOf);
  return {
    naming(path) {
      const parts = path.split('/');
      return patterns
        .filter((pattern) => isShown(pattern, parts) && namesAtOrAbove(pattern, parts))
        .map(({ text }) => text);
    },
    leadingBelow(path) {
      const parts = path.split('/');
      return patterns
        .filter((pattern) => isShown(pattern, parts) && (pattern.leadsFrom(parts) || namesAtOrAbove(pattern, parts)))
        .map(({ text }) => text);
    },
  };
}

function patternOf(text: string): Pattern {
  const names = text.split('/');
  // Anchored: a pattern without a slash names nothing further down, other than in .gitignore.
  const whole = linearPattern(`/${text}`);
  const deep = names.indexOf('**');
  const beginnings = names.map((_, at) => linearPattern(`/${names.slice(0, at + 1).join('/')}`));
  return {
    text,
    namesHidden: names.some(isHidden),
    matches: (parts) => whole.matches(parts, false),
    leadsFrom(parts) {
      const length = deep >= 0 && parts.length >= deep ? deep : parts.length;
      if (length === 0) return true;
      return length < names.length && (beginnings[length - 1]?.matches(parts.slice(0, length), true) ?? false);
    },
  };
}

const isHidden = (name: string): boolean => name.startsWith('.');

const isShown = ({ namesHidden }: Pattern, parts: readonly string[]): boolean => namesHidden || !parts.some(isHidden);

const namesAtOrAbove = (pattern: Pattern, parts: readonly string[]): boolean =>
  parts.some((_, at) => pattern.matches(parts.slice(0, at + 1)));
