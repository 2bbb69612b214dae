# What setup.sh, the packages and a job's lines may count on: coreutils,
# findutils, diffutils, sed, grep, awk, tar, gzip, make.
[
  "awk" "base64" "basename" "cat" "chgrp" "chmod" "chown" "cksum" "cmp" "comm" "cp" "csplit" "cut"
  "date" "dd" "df" "diff" "dirname" "du" "echo" "env" "expand" "expr" "false" "find" "fmt" "fold"
  "grep" "egrep" "fgrep" "groups" "gzip" "gunzip" "head" "id" "install" "join" "link" "ln" "ls" "make"
  "md5sum" "mkdir" "mkfifo" "mknod" "mktemp" "mv" "nice" "nl" "nohup" "nproc" "numfmt" "od" "paste"
  "pr" "printenv" "printf" "pwd" "readlink" "realpath" "rm" "rmdir" "sed" "seq" "sha1sum" "sha256sum"
  "sha512sum" "shuf" "sleep" "sort" "split" "stat" "stdbuf" "stty" "sum" "sync" "tac" "tail" "tar"
  "tee" "test" "timeout" "touch" "tr" "true" "truncate" "tsort" "tty" "uname" "unexpand" "uniq"
  "unlink" "wc" "whoami" "xargs" "yes" "zcat"
]
