// Names of users and groups for their numbers (users-groups-by-id@openssh.com), and paths with `~` (expand-path@openssh.com,
// home-directory).

import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { DecodeError } from '../../wire/reader.ts';
import { expandPath as expandPathExtension, homeDirectory as homeExtension, usersGroupsById } from '../protocol/extensions.ts';
import { askExtended, askExtendedName } from './extended.ts';
import type { SFTPSession } from './session.ts';
import { idOf } from './values.ts';

/** As many as were asked for, '' where there is no name. */
export interface UsersGroups {
  readonly users: readonly string[];
  readonly groups: readonly string[];
}

/** @throws SFTPError ENOTSUP */
export async function namesById(
  session: SFTPSession,
  uids: readonly number[],
  gids: readonly number[],
  options?: CallOptions,
): Promise<UsersGroups> {
  const what = { operation: 'users-groups-by-id' };
  const values = { uids: uids.map(idOf), gids: gids.map(idOf) };
  const { usernames, groupnames } = await askExtended(session, what, usersGroupsById, values, options);
  if (usernames.length !== uids.length || groupnames.length !== gids.length) {
    throw session.unexpected(new DecodeError('another number of names than was asked for'), what);
  }
  return { users: usernames, groups: groupnames };
}

/** @throws SFTPError ENOTSUP */
export function expandPath(session: SFTPSession, path: string, options?: CallOptions): Promise<string> {
  return askExtendedName(session, { operation: 'expand-path', path }, expandPathExtension, { path }, options);
}

/** Of the session's own user for ''. @throws SFTPError ENOTSUP */
export async function homeDirectory(session: SFTPSession, username: string, options?: CallOptions): Promise<string> {
  try {
    return await askExtendedName(session, { operation: 'home-directory' }, homeExtension, { username }, options);
  } catch (error) {
    // OpenSSH looks for a user who is called '', and its older servers have the other extension only.
    if (username !== '' || !(error instanceof SFTPError) || !session.supports(expandPathExtension.name)) throw error;
    return expandPath(session, '~', options);
  }
}
