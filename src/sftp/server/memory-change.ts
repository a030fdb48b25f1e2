// SETSTAT on files in memory.

import type { SFTPAttributes } from '../protocol/attributes.ts';
import { refusal } from './jail-refusal.ts';
import { MemoryFile, MemoryFolder, MemoryLink, type MemoryNode, MODE_BITS } from './memory-nodes.ts';

/** @throws SFTPError EISDIR, EINVAL, EFBIG, ENOTSUP for the mode of a link */
export function changeMemoryNode(node: MemoryNode, attributes: SFTPAttributes, now: number): void {
  const { stSize, stMode, stUid, stGid, stAtime, stMtime } = attributes;
  if (stSize !== undefined) {
    if (node instanceof MemoryFolder) throw refusal('EISDIR');
    if (!(node instanceof MemoryFile)) throw refusal('EINVAL');
    node.truncate(stSize, now);
  }
  if (stMode !== undefined && node instanceof MemoryLink) throw refusal('ENOTSUP');
  if (stUid !== undefined) node.uid = stUid;
  if (stGid !== undefined) node.gid = stGid;
  if (stMode !== undefined) node.permissions = stMode & MODE_BITS;
  if (stAtime !== undefined) node.atimeMs = stAtime * 1000;
  if (stMtime !== undefined) node.mtimeMs = stMtime * 1000;
}
