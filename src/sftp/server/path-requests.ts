// Requests that name a file (draft-ietf-secsh-filexfer-02 sections 6.5, 6.6, 6.8 to 6.11).

import type { ValuesOf } from '../../wire/fields.ts';
import type { Lstat, Mkdir, Readlink, Realpath, Remove, Rename, Rmdir, Setstat, Stat, Symlink } from '../protocol/messages.ts';
import { READS, RESTRUCTURES } from './order.ts';
import { checkedPath, checkedTarget, type Plan, type Serving, touching } from './plan.ts';
import { attributesReply, pathReply, statusReply } from './replies.ts';

type Request<M extends { readonly fields: object }> = ValuesOf<M['fields']>;

export function planStat({ fileSystem }: Serving, request: Request<typeof Stat>): Plan {
  const path = checkedPath(request.path);
  return {
    touches: touching(READS, path),
    serve: async () => attributesReply(request.id, await fileSystem.stat(path)),
  };
}

export function planLstat({ fileSystem }: Serving, request: Request<typeof Lstat>): Plan {
  const path = checkedPath(request.path);
  return {
    touches: touching(READS, path),
    serve: async () => attributesReply(request.id, await fileSystem.lstat(path)),
  };
}

export function planSetstat({ fileSystem }: Serving, request: Request<typeof Setstat>): Plan {
  const path = checkedPath(request.path);
  return {
    // The mode of a folder decides about all that is in it.
    touches: touching(RESTRUCTURES, path),
    serve: async () => statusReply(request.id, await fileSystem.chattr(path, request.attributes)),
  };
}

export function planRemove({ fileSystem }: Serving, request: Request<typeof Remove>): Plan {
  const path = checkedPath(request.path);
  return {
    touches: touching(RESTRUCTURES, path),
    serve: async () => statusReply(request.id, await fileSystem.remove(path)),
  };
}

export function planRename({ fileSystem }: Serving, request: Request<typeof Rename>): Plan {
  const [from, to] = [checkedPath(request.from), checkedPath(request.to)];
  return {
    touches: touching(RESTRUCTURES, from, to),
    serve: async () => statusReply(request.id, await fileSystem.rename(from, to)),
  };
}

export function planMkdir({ fileSystem }: Serving, request: Request<typeof Mkdir>): Plan {
  const path = checkedPath(request.path);
  return {
    touches: touching(RESTRUCTURES, path),
    serve: async () => statusReply(request.id, await fileSystem.mkdir(path, request.attributes)),
  };
}

export function planRmdir({ fileSystem }: Serving, request: Request<typeof Rmdir>): Plan {
  const path = checkedPath(request.path);
  return {
    touches: touching(RESTRUCTURES, path),
    serve: async () => statusReply(request.id, await fileSystem.rmdir(path)),
  };
}

export function planRealpath({ fileSystem }: Serving, request: Request<typeof Realpath>): Plan {
  const path = checkedPath(request.path);
  return {
    touches: touching(READS, path),
    serve: async () => pathReply(request.id, await fileSystem.canonicalize(path)),
  };
}

export function planReadlink({ fileSystem }: Serving, request: Request<typeof Readlink>): Plan {
  const path = checkedPath(request.path);
  return {
    touches: touching(READS, path),
    serve: async () => pathReply(request.id, await fileSystem.readlink(path)),
  };
}

export function planSymlink({ fileSystem, linkFirst }: Serving, request: Request<typeof Symlink>): Plan {
  const target = checkedTarget(linkFirst ? request.link : request.target);
  const link = checkedPath(linkFirst ? request.target : request.link);
  return {
    touches: touching(RESTRUCTURES, link),
    serve: async () => statusReply(request.id, await fileSystem.symlink(target, link)),
  };
}
