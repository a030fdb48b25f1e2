// User authentication messages: RFC 4252, RFC 4256. The numbers 60 to 79 belong to the method in progress.

import { bool, bytes, type Field, name, nameList, rest, text, utf8 } from '../fields.ts';
import { message, type Values } from '../message.ts';
import { DecodeError } from '../reader.ts';
import { languageTag } from './transport.ts';

/** RFC 4252 section 5: what follows the method name belongs to the method. */
export const UserauthRequest = message('SSH_MSG_USERAUTH_REQUEST', 50, {
  user: utf8,
  service: name,
  method: name,
  data: rest,
});
export type UserauthRequest = Values<typeof UserauthRequest>;

/** RFC 4252 section 5.1 */
export const UserauthFailure = message('SSH_MSG_USERAUTH_FAILURE', 51, { methods: nameList, partialSuccess: bool });
export const UserauthSuccess = message('SSH_MSG_USERAUTH_SUCCESS', 52, {});

/** RFC 4252 section 5.4 */
export const UserauthBanner = message('SSH_MSG_USERAUTH_BANNER', 53, { message: text, language: languageTag });

/** RFC 4252 section 7 */
export const UserauthPkOk = message('SSH_MSG_USERAUTH_PK_OK', 60, { algorithm: name, blob: bytes });

/** RFC 4252 section 8 */
export const UserauthPasswdChangereq = message('SSH_MSG_USERAUTH_PASSWD_CHANGEREQ', 60, { prompt: text, language: languageTag });

export interface Prompt {
  readonly prompt: string;
  /** Whether what the user types may be shown. */
  readonly echo: boolean;
}

/** More questions at once than this are not a login. */
const PROMPTS = 64;

const prompts: Field<readonly Prompt[]> = {
  read(reader) {
    const count = reader.u32();
    if (count > PROMPTS) throw new DecodeError(`${count} prompts`);
    const list: Prompt[] = [];
    for (let i = 0; i < count; i++) list.push({ prompt: reader.text(), echo: reader.bool() });
    return list;
  },
  write(writer, list) {
    writer.u32(list.length);
    for (const { prompt, echo } of list) writer.string(prompt).bool(echo);
  },
};

const responses: Field<readonly string[]> = {
  read(reader) {
    const count = reader.u32();
    if (count > PROMPTS) throw new DecodeError(`${count} responses`);
    const list: string[] = [];
    for (let i = 0; i < count; i++) list.push(reader.utf8());
    return list;
  },
  write(writer, list) {
    writer.u32(list.length);
    for (const response of list) writer.string(response);
  },
};

/** RFC 4256 section 3.2 */
export const UserauthInfoRequest = message('SSH_MSG_USERAUTH_INFO_REQUEST', 60, {
  name: text,
  instruction: text,
  language: text,
  prompts,
});

/** RFC 4256 section 3.4 */
export const UserauthInfoResponse = message('SSH_MSG_USERAUTH_INFO_RESPONSE', 61, { responses });
