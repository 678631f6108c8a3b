#!/usr/bin/perl -w
# The launcher: runs one tool call, or several checks in sequence, for one claim. It has a session of its own, so that
# it outlives the worker. Its guarantees (docs/architecture.md, rule 3; docs/decisions/0007-launcher-in-perl.md):
#
# - It holds the task's lock (flock) from before the start until no process of the tool is left. Two processes hold it,
#   the guardian and its child, the runner: killing either one keeps the lock until the other has ended the tool. Both
#   are subreapers, so every process that loses its parent becomes a child of one of them: "no child is left" is exact.
# - It raises the fence to its claim before it waits for the lock, because an earlier attempt's launcher may hold it.
#   With the lock, it refuses to start if the fence is above its claim or the step has a start mark.
# - The runner looks at the fence and the time limit ten times a second and kills the tool. Neither needs a fork, so a
#   fork bomb cannot stop it. In the sandbox the whole pid namespace dies with its pid 1.
# - It writes the outcome by rename.
# - The tool's limits hold before its program begins: in a separate cgroup where one can be made, else by prlimit and by
#   what the runner measures. The launcher is outside of that cgroup. The outcome names the limit that was reached.
# - The tool gets descriptors 0 to 2 only. Its outputs are pipes that the runner drains into files: a file as stdout
#   would be emptied by `> /dev/stderr`. They are anonymous, so that a step cannot spoil those of the next one.
#
# Standard input has the request: fields "NAME BYTES\n" and that many bytes, the last one "end 0\n". If it ends before,
# the worker is gone and nothing is started. Fields: what (fence: only raise the fence and wait for the lock; run),
# machine (x64 or arm64), run (the task's run directory), claim, stem, call (JSON, kept beside the start mark),
# limit_ms, once (yes: one command, at most once; no: checks), each (yes: all checks run, limit_ms for each; no: the
# first failure ends them, limit_ms for all), isolated (yes: argument 1 is bwrap; no), token (RAVENHELM_RUN in the
# environment of bwrap), seccomp (path of a filter; optional), input (optional), secret (many: "NAME\nVALUE"; the
# argument "\0secret NAME" becomes a descriptor with the value), variable (many: "NAME\nVALUE", of the tool's
# environment; for bwrap the argument "\0variables" becomes a descriptor with its options), argument (many), command
# (many; each is appended to the arguments), limit (many: "NAME NUMBER", sizes in bytes; a limit that is missing does
# not hold), cgroup (many: "1|2 CONTROLLER,… DIRECTORY", below which a group may be made), workspace (measured while the
# tool runs; optional), holds_state (yes: .ravenhelm in it is the swarm's; no), relay (what ravenhelm-relay.pl is asked
# for; optional).
#
# Only built-in functions: a module such as POSIX takes longer to load than all else takes to run.
use strict;

my %EXIT = (fenced => 70, started_before => 71, lock_busy => 72, aborted => 73, failed => 74);
my %CALLS = (
    x64   => { prctl => 157, keyctl => 250, prlimit => 302, fstatfs => 138, clone3 => 435, memfd_create => 319 },
    arm64 => { prctl => 167, keyctl => 219, prlimit => 261, fstatfs => 44,  clone3 => 435, memfd_create => 279 },
);
my ($PR_SET_CHILD_SUBREAPER, $PR_GET_CHILD_SUBREAPER, $KEYCTL_JOIN_SESSION_KEYRING) = (36, 37, 1);
my %RESOURCES = (cpu => 0, file => 1, data => 2, core => 4, processes => 6, open_files => 7);
my ($LOCK_EX, $LOCK_NB, $WNOHANG, $F_SETFD, $EINTR, $EAGAIN, $EEXIST) = (2, 4, 1, 2, 4, 11, 17);
my ($PRIO_PGRP, $LOWEST_PRIORITY) = (1, 19);
my $WRITE_NEW = 0x1 | 0x40 | 0x80;    # O_WRONLY, O_CREAT, O_EXCL
my $NO_LIMIT = 1 << 60;
my $CHUNK = 1 << 16;
our $LOOK_MS = 100;
my $GATE_MS = 1000;          # at most, for the sandbox to be made
my $RELAY_MS = 15_000;       # at most, for the relay to listen
my $GATE_PAUSE_MS = 0.3;
my $WALK_PAUSE_MS = 10;       # between two parts of a walk through the workspace
my $IDLE_SECONDS = 60;

# What the measuring part uses too is in the package.
our (%request, %limits, $run);
my (%secrets, %variables, @arguments, @commands, @cgroups, $calls, $lock, $stopped, $uptime);

# Loaded when a tool takes longer than a look: most do not, and reading it takes a millisecond.
my $MEASURING = $0 =~ s/(?=\.pl$)/-measure/r;
my $RELAY = $0 =~ s/launcher(?=\.pl$)/relay/r;

sub leave { my ($code, $message) = @_; print STDERR "$message\n" if defined $message; exit $EXIT{$code} }

sub main {
    umask 022;
    close_inherited();
    $SIG{TERM} = sub { $stopped = 'aborted' unless defined $stopped };
    $SIG{CHLD} = sub { };             # ends select() early
    $SIG{PIPE} = 'IGNORE';
    read_request();
    $run = $request{run};
    $0 = "ravenhelm-launcher $run";
    open(STDERR, '>>', "$run/launcher.log") or exit $EXIT{failed};
    open(STDOUT, '>&', \*STDERR) or leave('failed', "cannot use launcher.log: $!");
    check_variables();
    become_subreaper();
    open($uptime, '<', '/proc/uptime') or leave('failed', "cannot open /proc/uptime: $!");
    raise_fence();
    take_lock($request{what} eq 'fence' ? undef : $request{limit_ms} + 1000);
    leave('fenced') if fenced();
    exit 0 if $request{what} eq 'fence';
    provide_input();
    run_all();
    exit 0;
}

# What the worker had open without close-on-exec.
sub close_inherited {
    opendir(my $list, '/proc/self/fd') or leave('failed', "cannot list /proc/self/fd: $!");
    my @open = grep { /^\d+$/ && $_ > 2 } readdir $list;
    closedir $list;
    for my $number (@open) {
        # Fails for the listing's own descriptor, which is closed already.
        my $is_open = open(my $inherited, '<&=', $number);
        close $inherited if $is_open;
    }
}

sub read_request {
    my $text = '';
    my $at = 0;
    alarm $IDLE_SECONDS;    # nothing was started yet: the worker starts another one
    my $more = sub {
        my $got = sysread(STDIN, $text, $CHUNK, length $text);
        alarm 0;
        exit $EXIT{aborted} if defined $got ? $got == 0 : $! != $EINTR;
        exit $EXIT{aborted} if defined $stopped;
    };
    while (1) {
        my $end;
        $more->() while ($end = index($text, "\n", $at)) < 0;
        my ($name, $bytes) = split / /, substr($text, $at, $end - $at);
        $at = $end + 1;
        last if $name eq 'end';
        $more->() while length($text) < $at + $bytes;
        my $value = substr($text, $at, $bytes);
        $at += $bytes;
        if    ($name eq 'argument') { push @arguments, $value }
        elsif ($name eq 'command')  { push @commands,  $value }
        elsif ($name eq 'limit')    { my ($limit, $number) = split / /, $value; $limits{$limit} = $number }
        elsif ($name eq 'cgroup')   { push @cgroups,   $value }
        elsif ($name eq 'secret')   { my ($secret, $text) = split /\n/, $value, 2; $secrets{$secret} = $text }
        elsif ($name eq 'variable') { my ($variable, $text) = split /\n/, $value, 2; $variables{$variable} = $text }
        else                        { $request{$name} = $value }
    }
}

# A NUL would begin another option of bwrap.
sub check_variables {
    for my $name (keys %variables) {
        leave('failed', "the variable $name has a NUL") if "$name$variables{$name}" =~ /\0/;
    }
}

sub become_subreaper {
    $calls = $CALLS{ $request{machine} } or leave('failed', "no system call numbers for $request{machine}");
    leave('failed', 'this perl is not a 64-bit program') if length pack('p', '') != 8;
    my $is_set = pack('i', 0);
    syscall($calls->{prctl}, $PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    syscall($calls->{prctl}, $PR_GET_CHILD_SUBREAPER, $is_set, 0, 0, 0);
    leave('failed', "cannot become a subreaper: $!") if unpack('i', $is_set) != 1;
}

# Milliseconds since the start of the computer.
sub clock {
    sysseek($uptime, 0, 0);
    sysread($uptime, my $text, 64);
    my ($seconds, $hundredths) = $text =~ /^(\d+)\.(\d\d)/ or leave('failed', 'cannot read /proc/uptime');
    return $seconds * 1000 + $hundredths * 10;
}

sub read_fence {
    open(my $file, '<', "$run/fence") or return -1;
    my $line = <$file>;
    return defined $line && $line =~ /^(\d+)$/ ? $1 : -1;
}

sub fenced { return read_fence() > $request{claim} }

# A separate lock guards the comparison and the rename, so that the fence never decreases.
sub raise_fence {
    my $claim = $request{claim};
    return if read_fence() == $claim;
    open(my $guard, '>>', "$run/fence.lock") or leave('failed', "cannot open $run/fence.lock: $!");
    until (flock($guard, $LOCK_EX)) { leave('lock_busy', "cannot lock $run/fence.lock: $!") if $! != $EINTR }
    my $highest = read_fence();
    leave('fenced') if $highest > $claim;
    replace("$run/fence", "$claim\n") if $highest < $claim;
    close $guard;
}

# Writes a file by rename.
sub replace {
    my ($path, $content) = @_;
    open(my $file, '>', "$path.new") or leave('failed', "cannot write $path: $!");
    (print {$file} $content) && close($file) && rename("$path.new", $path) or leave('failed', "cannot write $path: $!");
}

sub take_lock {
    my ($limit_ms) = @_;
    my $began = clock();
    open($lock, '>>', "$run/lock") or leave('failed', "cannot open $run/lock: $!");
    until (flock($lock, $LOCK_EX | $LOCK_NB)) {
        leave('lock_busy', "cannot lock $run/lock: $!") if $! != $EAGAIN && $! != $EINTR;
        leave('aborted') if defined $stopped;
        leave('fenced') if fenced();
        leave('lock_busy') if defined $limit_ms && clock() >= $began + $limit_ms;
        pause(0.01);
    }
    leave('aborted') if defined $stopped;
}

sub pause { select(undef, undef, undef, $_[0]) }

# An unlinked file: it disappears with its last descriptor.
sub provide_input {
    my $path = '/dev/null';
    if (defined $request{input}) {
        $path = "$run/input-$$";
        sysopen(my $file, $path, $WRITE_NEW, 0600) or leave('failed', "cannot write $path: $!");
        (print {$file} delete $request{input}) && close($file) or leave('failed', "cannot write $path: $!");
    }
    my $opened = open(STDIN, '<', $path);
    unlink $path if $path ne '/dev/null';
    leave('failed', "cannot read $path: $!") unless $opened;
}

sub run_all {
    my $once = $request{once} eq 'yes';
    leave('started_before') if $once && -e "$run/$request{stem}.started";
    my $deadline = clock() + $request{limit_ms};
    my $number = 0;
    for my $command (@commands) {
        $number += 1;
        leave($stopped) if defined $stopped;
        my $name = $once ? $request{stem} : "$request{stem}-c$number";
        $deadline = clock() + $request{limit_ms} if $request{each} eq 'yes';
        my @sinks = map { sink("$run/outputs/$name.$_") } 'stdout', 'stderr';
        mark_start() if $once;
        my $end = guard($name, $command, $deadline, @sinks);
        return if $request{each} eq 'no' && $end ne 'passed';
        $stopped = $end if $end eq 'fenced' || $end eq 'aborted';
    }
}

sub sink {
    my ($path) = @_;
    open(my $file, '>', $path) or leave('failed', "cannot write $path: $!");
    return $file;
}

# The call is complete before the start mark exists.
sub mark_start {
    my $path = "$run/$request{stem}";
    replace("$path.call.json", $request{call});
    sysopen(my $mark, "$path.started", $WRITE_NEW, 0644)
        or ($! == $EEXIST ? leave('started_before') : leave('failed', "cannot write $path.started: $!"));
    (print {$mark} "$request{claim}\n") && close($mark) or leave('failed', "cannot write $path.started: $!");
}

# The guardian: starts the runner of a command and waits for it. passed, failed, timeout, aborted or fenced.
my @ENDS = ('passed', 'failed', 'timeout', 'aborted', 'fenced');

sub guard {
    my ($name, $command, $deadline, @sinks) = @_;
    my $guardian = $$;
    my $began = clock();
    pipe(my $ended, my $alive) or return not_started($name, $sinks[1], "cannot make a pipe: $!");
    my $runner = fork;
    return not_started($name, $sinks[1], "cannot start a process: $!") unless defined $runner;
    if ($runner == 0) {
        close $ended;
        my $end = eval { run_one($guardian, $name, $command, $deadline, @sinks) };
        leave('failed', $@) unless defined $end;
        exit $end;
    }
    close $alive;
    my $told = 0;
    until (is_ready($ended, $LOOK_MS / 1000)) {
        next if $told || !defined $stopped;
        kill 'TERM', $runner;
        $told = 1;
    }
    waitpid($runner, 0);
    my $end = $? & 127 ? undef : $ENDS[$? >> 8];
    return $end if defined $end;
    # The runner was killed. What it had started is, or becomes, a child of this process.
    end_all();
    remove_groups($runner);
    leave_outcome($name, 'aborted', 137, clock() - $began) unless -e "$run/$name.outcome";
    return 'aborted';
}

# Whether a descriptor can be read, or has ended, within so many seconds.
sub is_ready {
    my ($handle, $seconds) = @_;
    my $bits = '';
    vec($bits, fileno $handle, 1) = 1;
    return select($bits, undef, undef, $seconds) > 0;
}

sub not_started {
    my ($name, $sink, $message) = @_;
    syswrite($sink, "$message\n");
    leave_outcome($name, 'broken', 1, 0);
    return 'failed';
}

# The limit is the one that was reached; undef: none.
sub leave_outcome {
    my ($name, $reason, $exit, $duration_ms, $limit) = @_;
    my $reached = defined $limit ? "limit=$limit\n" : '';
    replace("$run/$name.outcome", "reason=$reason\nexit=$exit\nduration_ms=$duration_ms\n$reached");
}

# What the runner knows about its tool: its process, what bwrap said, when it was killed, the bytes left of each output,
# the first limit that was reached.
our ($tool, $is_walking, $relay);
my ($status, $killed_at, @left, $reached, $gate, $gate_until);
# The relay's request and its answer, until when it must listen, and what is wrong; $relay is its process.
my ($relay_request, $relay_answer, $relay_until, $relay_problem);

# Runs one command to its end and leaves its outcome; an index of @ENDS.
sub run_one {
    my ($guardian, $name, $command, $deadline, @sinks) = @_;
    become_subreaper();
    my $output_bytes = $limits{output} || $NO_LIMIT;
    ($status, $killed_at, @left) = ('', 0, $output_bytes, $output_bytes);
    $reached = undef;
    my $isolated = $request{isolated} eq 'yes';
    my $began = clock();
    my (@from, @to);
    for my $index (0 .. ($isolated ? 2 : 1)) {
        pipe($from[$index], $to[$index]) or return broken($name, $sinks[1], "cannot make a pipe: $!");
    }
    # bwrap waits for its end before it starts the program.
    ($gate, my $shut) = ();
    if ($isolated) { pipe($shut, $gate) or return broken($name, $sinks[1], "cannot make a pipe: $!") }
    # The sandbox's user may open /dev/stdout and /dev/stderr.
    chmod 0622, $to[0], $to[1];
    start_relay() or return broken($name, $sinks[1], "cannot start the relay: $!");
    make_groups();
    begin_measuring();
    $tool = start_in_group();
    if (!defined $tool) {
        my $why = "cannot start a process: $!";
        end_relay();
        remove_groups($$);
        return broken($name, $sinks[1], $why);
    }
    become_tool($command, $isolated, @to, $shut) if $tool == 0;
    @to = ();
    $shut = undef;
    $gate_until = clock() + $GATE_MS;
    my $result = attend($guardian, $deadline, \@from, \@sinks);
    end_relay();
    kill 'KILL', -$tool unless $isolated;
    end_all();
    drain(\@from, \@sinks);
    syswrite($sinks[1], "cannot open the network: $relay_problem\n") if defined $relay_problem;
    my $reason = how_it_ended($isolated, $result);
    $reached = 'wall_time' if $reason eq 'timeout';
    measure_end($reason, $result);
    # The kernel may have chosen bwrap.
    $reason = 'limit' if $reason eq 'lost' && ($reached || '') eq 'memory';
    remove_groups($$);
    leave_outcome($name, $reason, $result, clock() - $began, $reached);
    return $reason eq 'exited' ? ($result == 0 ? 0 : 1) : $reason eq 'timeout' ? 2 : $reason eq 'aborted' ? 3
        : $reason eq 'fenced' ? 4 : 1;
}

sub broken { not_started(@_); return 1 }

# --- the relay

# It reads the program while the sandbox is made. 1: it was started, or none is wanted.
sub start_relay {
    ($relay, $relay_until, $relay_problem) = ();
    return 1 unless defined $request{relay};
    pipe(my $input, $relay_request) && pipe($relay_answer, my $output) or return 0;
    $relay = fork;
    return 0 unless defined $relay;
    if ($relay == 0) {
        open(STDIN, '<&', $input) && open(STDOUT, '>&', $output) or exit 1;
        exec { $^X } 'perl', '-w', $RELAY, $run;    # ps shows whose it is
        exit 127;
    }
    syswrite($relay_request, "machine $request{machine}\n$request{relay}");
    return 1;
}

# Whether it listens in the sandbox, or none is wanted. Where it cannot, nothing is run.
sub has_network {
    my ($now) = @_;
    return 1 unless defined $relay;
    return 0 if defined $relay_problem;
    if (!defined $relay_until) {
        my ($first) = $status =~ /"child-pid": *(\d+)/ or return 0;
        syswrite($relay_request, "pid $first\n");
        $relay_until = $now + $RELAY_MS;
    }
    if (is_ready($relay_answer, 0)) {
        sysread($relay_answer, my $answer, $CHUNK);
        return 1 if $answer eq "ready\n";
        $relay_problem = $answer =~ /^(.+)$/m ? $1 : 'the relay has ended';
    } elsif ($now >= $relay_until) {
        $relay_problem = 'the relay does not answer';
    }
    $stopped = 'broken' if defined $relay_problem && !defined $stopped;
    return 0;
}

# No process of the tool needs it any more.
sub end_relay {
    return unless defined $relay;
    kill 'KILL', $relay;
    waitpid($relay, 0);
    $relay = undef;
}

# In the child: limits, keyring, descriptors, then the tool's program in place of this one.
sub become_tool {
    my ($command, $isolated, $out, $err, $report, $shut) = @_;
    my $fail = sub { syswrite(STDERR, "$_[0]\n"); exit 127 };
    my $options = join '', map { "--setenv\0$_\0$variables{$_}\0" } sort keys %variables;
    my @program = ((map {
        /^\0secret (\w+)$/ ? memory_descriptor("secret $1", $secrets{$1}, $fail)
            : $_ eq "\0variables" ? memory_descriptor('variables', $options, $fail) : $_
    } @arguments), $command);
    open(STDOUT, '>&', $out) && open(STDERR, '>&', $err) or $fail->("cannot use the output pipes: $!");
    if ($isolated) {
        my @extra = ('--json-status-fd', keep_open($report), '--block-fd', keep_open($shut));
        if (defined $request{seccomp}) {
            open(my $filter, '<', $request{seccomp}) or $fail->("cannot open the filter $request{seccomp}: $!");
            push @extra, '--seccomp', keep_open($filter);
        }
        splice @program, 1, 0, @extra;
        %ENV = (PATH => $ENV{PATH}, RAVENHELM_RUN => $request{token});
    } else {
        %ENV = (%variables, PATH => $ENV{PATH});
        keep_open($lock);    # a process that is left behind keeps the lock
    }
    # A keyring of its own. Where keyrings are unknown or forbidden, the tool has none either.
    if (syscall($calls->{keyctl}, $KEYCTL_JOIN_SESSION_KEYRING, 0) < 0 && $! != 38 && $! != 1) {
        $fail->("cannot make a keyring: $!");
    }
    enter_groups($fail);
    limit_resources($fail);
    # If memory is short, the kernel ends the tool and not the worker.
    if (open(my $score, '>', '/proc/self/oom_score_adj')) { syswrite($score, '500'); close $score }
    $SIG{PIPE} = 'DEFAULT';
    { exec { $program[0] } @program }
    $fail->("cannot run $program[0]: $!");
}

# The number of a descriptor in memory that has a text, from its start.
sub memory_descriptor {
    my ($what, $text, $fail) = @_;
    my $label = 'ravenhelm';
    my $number = syscall($calls->{memfd_create}, $label, 0);
    $number >= 0 && open(my $file, '+<&=', $number) or $fail->("cannot keep the $what in memory: $!");
    my $count = syswrite($file, $text);
    $fail->("cannot keep the $what in memory: $!") if !defined $count || $count != length $text;
    sysseek($file, 0, 0);
    return keep_open($file);
}

my @KEPT;

sub keep_open {
    my ($handle) = @_;
    push @KEPT, $handle;
    fcntl($handle, $F_SETFD, 0);
    return fileno $handle;
}

# Until the tool has ended: drains its outputs, reads bwrap's status, looks at fence, time and guardian. Its exit code.
sub attend {
    my ($guardian, $deadline, $from, $sinks) = @_;
    my ($looked, $quiet) = (0, 0);
    my $isolated = $request{isolated} eq 'yes';
    while (waitpid($tool, $WNOHANG) != $tool) {
        my $now = clock();
        if (!defined $stopped && $now - $looked >= $LOOK_MS) {
            $stopped = 'aborted' if getppid() != $guardian;
            $stopped = 'fenced' if !defined $stopped && fenced();
            $stopped = 'limit' if !defined $stopped && measure($now);
            $looked = $now;
        }
        $stopped = 'timeout' if !defined $stopped && $now >= $deadline;
        kill_tool() if defined $stopped;
        open_gate($now) if defined $gate;
        my $wait_ms = $deadline - $now < $LOOK_MS && $deadline > $now ? $deadline - $now : $LOOK_MS;
        $wait_ms = $GATE_PAUSE_MS if defined $gate && $status ne '';
        $wait_ms = $WALK_PAUSE_MS if $is_walking && $wait_ms > $WALK_PAUSE_MS;
        my $bits = '';
        for my $handle (@$from) { vec($bits, fileno $handle, 1) = 1 if defined $handle }
        # All have ended: so has the tool, or it is about to.
        if ($bits eq '') { $wait_ms = $quiet < $wait_ms ? ++$quiet : $wait_ms }
        next unless select($bits, undef, undef, $wait_ms / 1000) > 0;
        for my $index (0 .. $#$from) {
            next unless defined $from->[$index] && vec($bits, fileno $from->[$index], 1);
            move($from, $index, $sinks->[$index]);
        }
    }
    my $ended = $?;
    return $ended & 127 ? 128 + ($ended & 127) : $ended >> 8;
}

# One read of a pipe: an output goes to its file, the third is bwrap's status. An ended or full one is closed.
sub move {
    my ($from, $index, $sink) = @_;
    my $got = sysread($from->[$index], my $bytes, $CHUNK);
    return if !defined $got && $! == $EINTR;
    if (!$got) { $from->[$index] = undef; return }
    if ($index == 2) { $status .= $bytes; return }
    my $kept = $got < $left[$index] ? $got : $left[$index];
    my $written = 0;
    while ($written < $kept) {
        my $count = syswrite($sink, $bytes, $kept - $written, $written);
        next if !defined $count && $! == $EINTR;
        if (!defined $count) { print STDERR "cannot keep the output: $!\n"; $from->[$index] = undef; return }
        $written += $count;
    }
    $left[$index] -= $kept;
    if ($left[$index] == 0) { $from->[$index] = undef; reach('output') }
}

# No process can write any more: what is in the pipes is all.
sub drain {
    my ($from, $sinks) = @_;
    for my $index (0 .. $#$from) {
        while (defined $from->[$index] && is_ready($from->[$index], 0)) {
            move($from, $index, $sinks->[$index]);
        }
    }
}

# bwrap waits for pid 1 of the sandbox and then ends. Before that process exists, and if bwrap does not end within a
# second, bwrap itself is killed.
sub kill_tool {
    return if $status =~ /"exit-code"/;
    my ($first) = $status =~ /"child-pid": *(\d+)/;
    my $has_first = defined $first && parent_of($first) == $tool;
    my $count = $has_first ? kill_namespace($first) : 0;
    my $is_late = $killed_at && clock() >= $killed_at + 1000;
    if ($request{isolated} eq 'no') { $count += kill('KILL', -$tool) + kill('KILL', $tool) }
    elsif (!$has_first || $is_late) { $count += kill('KILL', $tool) }
    $killed_at = clock() if $count && !$killed_at;
}

# Pid 1 of the sandbox, and all others. Killing pid 1 is enough for the kernel to kill them, but not before it has had
# its turn among hundreds of processes of a fork bomb; a process that has a signal pending does not fork.
sub kill_namespace {
    my ($first) = @_;
    my $namespace = readlink "/proc/$first/ns/pid";
    # A fork bomb must not leave this process without time: from now on its group has the lowest priority.
    setpriority($PRIO_PGRP, $first, $LOWEST_PRIORITY);
    my $count = kill 'KILL', $first;
    return $count if !defined $namespace || $namespace eq (readlink('/proc/self/ns/pid') || $namespace);
    opendir(my $list, '/proc') or return $count;
    for my $pid (grep { /^\d+$/ } readdir $list) {
        my $other = readlink "/proc/$pid/ns/pid";
        kill 'KILL', $pid if defined $other && $other eq $namespace;
    }
    closedir $list;
    return $count;
}

sub parent_of {
    my ($pid) = @_;
    open(my $file, '<', "/proc/$pid/stat") or return 0;
    my $line = <$file>;
    return defined $line && $line =~ /.*\) \S+ (\d+)/s ? $1 : 0;
}

# Kills all children, also those that became children because their parent ended, until none is left.
sub end_all {
    while (1) {
        my $reaped;
        do { $reaped = waitpid(-1, $WNOHANG) } while $reaped > 0;
        return if $reaped == -1;
        opendir(my $list, '/proc') or leave('failed', "cannot list /proc: $!");
        kill 'KILL', grep { /^\d+$/ && parent_of($_) == $$ } readdir $list;
        closedir $list;
        pause(0.01);
    }
}

sub how_it_ended {
    my ($isolated, $result) = @_;
    return $stopped if $killed_at;
    return 'exited' if !$isolated || $status =~ /"exit-code"/;
    return $result > 128 ? 'lost' : 'broken';
}

# The first limit that is reached counts.
sub reach { my ($name) = @_; $reached = $name unless defined $reached; return 1 }

sub first_line {
    my ($path) = @_;
    open(my $file, '<', $path) or return undef;
    return scalar <$file>;
}

# The number after a word in a file of "WORD NUMBER" lines; 0 where there is none.
sub number_in {
    my ($path, $word) = @_;
    open(my $file, '<', $path) or return 0;
    while (my $line = <$file>) { return $1 if $line =~ /^$word (\d+)$/ }
    return 0;
}

# --- rlimits

my $DATA_ABOVE = 256 << 20;
my $PROCESSES_ABOVE = 1024;

# Soft and hard. A limit that this process has is never raised.
sub limit_resources {
    my ($fail) = @_;
    my %wanted = (core => [0, 0]);
    $wanted{file} = [($limits{file_size}) x 2] if $limits{file_size};
    $wanted{open_files} = [($limits{open_files}) x 2] if $limits{open_files};
    # The process gets SIGXCPU, and SIGKILL if it goes on.
    $wanted{cpu} = [$limits{cpu_seconds}, $limits{cpu_seconds} + 5] if $limits{cpu_seconds};
    # Of a process, and well above the limit of all: the runner measures them, and can only name the limit if a process
    # can pass it.
    my $above = $limits{memory} && $limits{memory} > $DATA_ABOVE ? $limits{memory} : $DATA_ABOVE;
    $wanted{data} = [($limits{memory} + $above) x 2] if $limits{memory} && !is_grouped('memory');
    # Counts the processes of all tools on this computer, which share an account; the runner measures those of this one.
    # In a user namespace the tool's first program sets its own.
    if ($limits{processes} && $< == 0 && $request{isolated} eq 'yes' && !is_grouped('pids')) {
        $wanted{processes} = [($limits{processes} + $PROCESSES_ABOVE) x 2];
    }
    for my $name (keys %wanted) {
        my $had = pack('QQ', 0, 0);
        syscall($calls->{prlimit}, 0, $RESOURCES{$name}, 0, $had) == 0 or $fail->("cannot read the limit $name: $!");
        my (undef, $most) = unpack('QQ', $had);
        my $limit = pack('QQ', map { $_ < $most ? $_ : $most } @{ $wanted{$name} });
        syscall($calls->{prlimit}, 0, $RESOURCES{$name}, $limit, 0) == 0 or $fail->("cannot limit $name: $!");
    }
}

# --- cgroups

# The groups of this tool: { version, controllers, path, entered }. Their names say which runner made them, so that
# those of a killed one can be removed (src/tools/cgroups.ts).
my @groups;
my ($CLONE_INTO_CGROUP, $SIGCHLD, $O_DIRECTORY) = (1 << 33, 17, 0x10000);

sub start_time { my ($pid) = @_; return (first_line("/proc/$pid/stat") || '') =~ /.*\) (?:\S+ ){19}(\d+)/s ? $1 : 0 }

sub group_paths { return map { $_->{path} } @groups }

sub is_grouped { my ($controller) = @_; return scalar grep { $_->{controllers} =~ /\b$controller\b/ } @groups }

# Where a group cannot be made after all, the limits hold as without one.
sub make_groups {
    @groups = ();
    return unless @cgroups;
    my $name = "ravenhelm-$$-" . start_time($$);
    for my $value (@cgroups) {
        my ($version, $controllers, $parent) = split / /, $value, 3;
        my $group = { version => $version, controllers => $controllers, path => "$parent/$name" };
        if (mkdir($group->{path}, 0755) && set_group($group)) { push @groups, $group; next }
        print STDERR "cannot make the cgroup $group->{path}: $!\n";
        rmdir $group->{path};
    }
}

sub set_group {
    my ($group) = @_;
    my ($path, $memory, $processes) = ($group->{path}, @limits{'memory', 'processes'});
    my @files = $group->{version} == 2 ? ('memory.max', 'memory.swap.max', 0)
        : ('memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', $memory);
    if ($group->{controllers} =~ /\bmemory\b/ && $memory) {
        write_to("$path/$files[0]", $memory) or return 0;
        # Without swap there is no such file.
        write_to("$path/$files[1]", $files[2]) if -e "$path/$files[1]";
    }
    return 1 unless $group->{controllers} =~ /\bpids\b/ && $processes;
    return write_to("$path/pids.max", $processes);
}

sub write_to {
    my ($path, $text) = @_;
    open(my $file, '>', $path) or return 0;
    return defined syswrite($file, $text);
}

# Into a group of version 2 at its birth: moving a process there waits for all processors (cgroup_threadgroup_rwsem).
sub start_in_group {
    my ($group) = grep { $_->{version} == 2 } @groups;
    if (defined $group && sysopen(my $directory, $group->{path}, $O_DIRECTORY)) {
        # struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, its size, tls, set_tid, its size,
        # cgroup.
        $group->{entered} = 1;
        my $birth = pack('Q11', $CLONE_INTO_CGROUP, 0, 0, 0, $SIGCHLD, 0, 0, 0, 0, 0, fileno $directory);
        my $child = syscall($calls->{clone3}, $birth, length $birth);
        return $child if $child >= 0;
        $group->{entered} = 0;    # Linux before 5.7, or a filter that answers ENOSYS
    }
    return fork;
}

sub enter_groups {
    my ($fail) = @_;
    for my $group (grep { !$_->{entered} } @groups) {
        # A thread that moves itself, as by the file tasks of version 1, waits for nothing.
        my $file = "$group->{path}/" . ($group->{version} == 2 ? 'cgroup.procs' : 'tasks');
        write_to($file, '0') or $fail->("cannot enter the cgroup $group->{path}: $!");
    }
}

# A process that has just ended may still be counted.
sub remove_groups {
    my ($runner) = @_;
    for my $value (@cgroups) {
        my (undef, undef, $parent) = split / /, $value, 3;
        my @paths = $runner == $$ ? map { $_->{path} } grep { $_->{path} =~ m{^\Q$parent\E/[^/]+$} } @groups
            : glob_names($parent, "ravenhelm-$runner-");
        for my $path (@paths) {
            for (1 .. 50) { last if rmdir($path) || !-d $path; pause(0.002) }
        }
    }
}

sub glob_names {
    my ($parent, $beginning) = @_;
    opendir(my $list, $parent) or return ();
    return map { "$parent/$_" } grep { index($_, $beginning) == 0 } readdir $list;
}

# Whether the kernel had to end a process for want of memory, or refused to start one.
sub ask_groups {
    for my $group (@groups) {
        my ($path, $controllers) = @{$group}{ 'path', 'controllers' };
        my $events = $group->{version} == 2 ? 'memory.events' : 'memory.oom_control';
        return reach('memory') if $controllers =~ /\bmemory\b/ && number_in("$path/$events", 'oom_kill');
        return reach('processes') if $controllers =~ /\bpids\b/ && number_in("$path/pids.events", 'max');
    }
    return 0;
}

# --- measuring

my $TMPFS_MAGIC = 0x01021994;
my %TMPFS = (tmp_size => 'tmp', shm_size => 'dev/shm');
my ($SIGXCPU, $SIGXFSZ) = (24, 25);
my (%tmpfs, $measure_at, $is_measured);

sub begin_measuring {
    %tmpfs = ();
    $is_walking = 0;
    ($measure_at, $is_measured) = (clock() + $LOOK_MS, 0);
    begin_with_workspace() if defined $request{workspace};
}

# Whether a limit is reached that ends the tool. Others are only named.
sub measure {
    my ($now) = @_;
    return 0 if $now < $measure_at;
    return 1 if ask_groups();
    look_at_tmpfs();
    require $MEASURING;
    begin_scans($now) unless $is_measured;
    $is_measured = 1;
    return scan($now) || (defined $request{workspace} && walk_on($now));
}

# The shell of the tool says which signal ended the command.
sub measure_end {
    my ($reason, $result) = @_;
    ask_groups();
    look_at_tmpfs();
    %tmpfs = ();
    reach('file_size') if $reason eq 'exited' && $result == 128 + $SIGXFSZ && $limits{file_size};
    reach('cpu_seconds') if $reason eq 'exited' && $result == 128 + $SIGXCPU && $limits{cpu_seconds};
    end_with_workspace() if defined $request{workspace};
}

# Lets the program start when the sandbox's tmpfs file systems are open here.
sub open_gate {
    my ($now) = @_;
    open_tmpfs();
    return unless $now >= $gate_until || keys %tmpfs == grep { $limits{$_} } keys %TMPFS;
    $gate = undef if has_network($now);
}

# They stay readable after the sandbox's end. Until bwrap has made them, the names lead elsewhere: the size tells.
sub open_tmpfs {
    my ($first) = $status =~ /"child-pid": *(\d+)/ or return;
    for my $name (grep { $limits{$_} && !$tmpfs{$_} } keys %TMPFS) {
        sysopen(my $directory, "/proc/$first/root/$TMPFS{$name}", $O_DIRECTORY) or next;
        my ($type, $block, $blocks) = status_of($directory);
        $tmpfs{$name} = $directory if $type == $TMPFS_MAGIC && $block * $blocks == $limits{$name};
    }
}

# Of a file system: type, size of a block, blocks, free ones, those for ordinary users, files, free ones.
sub status_of {
    my ($directory) = @_;
    my $buffer = "\0" x 256;
    return (0) x 7 if syscall($calls->{fstatfs}, fileno $directory, $buffer) != 0;
    return unpack('q7', $buffer);
}

sub look_at_tmpfs {
    for my $name (keys %tmpfs) {
        my ($type, undef, undef, $free) = status_of($tmpfs{$name});
        reach($name) if $type == $TMPFS_MAGIC && $free == 0;
    }
}

# --- the workspace

# How large it is at most is kept beside its runs: bytes and number of files. A walk through it measures them; what its
# file system has less of after a call is added. A workspace that is over its limit may only shrink; otherwise no step
# could make it smaller.
my ($SLACK_BYTES, $SLACK_FILES) = (1 << 20, 100);
# Less is what others, and the launcher itself, write beside it.
my ($SMALL_BYTES, $SMALL_FILES) = (1 << 18, 20);
our %allowed;
my ($known_bytes, $known_files, @free);

sub usage_file { return "$run/../.usage" }

sub begin_with_workspace {
    ($known_bytes, $known_files) = split / /, first_line(usage_file()) || '';
    if (!defined $known_files) {
        require $MEASURING;
        ($known_bytes, $known_files) = whole_walk();
    }
    %allowed = (bytes => $limits{workspace_size} || $NO_LIMIT, files => $limits{workspace_files} || $NO_LIMIT);
    $allowed{bytes} = $known_bytes + $SLACK_BYTES if $known_bytes > $allowed{bytes};
    $allowed{files} = $known_files + $SLACK_FILES if $known_files > $allowed{files};
    @free = free_beside();
}

# Bytes and files that its file system has left. One that has no number of files says 0.
sub free_beside {
    sysopen(my $directory, $request{workspace}, $O_DIRECTORY) or return (0, 0);
    my (undef, $block, undef, $free, undef, undef, $files) = status_of($directory);
    return ($block * $free, $files);
}

sub end_with_workspace {
    my ($bytes, $files) = free_beside();
    my ($more_bytes, $more_files) = ($free[0] - $bytes, $free[1] - $files);
    return if $more_bytes < $SMALL_BYTES && $more_files < $SMALL_FILES;
    # A walk meanwhile, or another task's launcher, may have measured it.
    ($known_bytes, $known_files) = split / /, first_line(usage_file()) || "$known_bytes $known_files";
    my @most = ($known_bytes + ($more_bytes > 0 ? $more_bytes : 0), $known_files + ($more_files > 0 ? $more_files : 0));
    if ($most[0] > $allowed{bytes} || $most[1] > $allowed{files}) {
        require $MEASURING;
        is_too_large(whole_walk());
    } else {
        keep_usage(@most);
    }
}

sub is_too_large {
    my ($bytes, $files) = @_;
    return reach('workspace_size') if $bytes > $allowed{bytes};
    return reach('workspace_files') if $files > $allowed{files};
    return 0;
}

sub keep_usage {
    my ($bytes, $files) = @_;
    my $draft = usage_file() . "-$$";
    open(my $file, '>', $draft) or return;
    # It is only a note: on a full disk the workspace is measured again.
    (print {$file} "$bytes $files") && close($file) && rename($draft, usage_file()) or unlink $draft;
}

main();
