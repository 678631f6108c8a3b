# The measuring part of ravenhelm-launcher.pl, in the same package: what the processes of a tool use, and how large its
# workspace is. The runner calls it between its looks, so each part takes little time.
use strict;

our (%request, %limits, %allowed, $LOOK_MS, $tool, $relay, $is_walking);

my $SCAN_MS = 1000;           # between two scans where groups count memory and processes
my $WALK_MS = 1000;           # between two walks of the workspace
my $WALK_ENTRIES = 200;       # of one part: about a millisecond
my $SPARE = 20;               # a scan or walk that took a second is made again after 20
my ($ENAMETOOLONG, $EACCES) = (36, 13);
my $TOO_DEEP = 1 << 60;       # bytes of what cannot be measured: deeper than a path can say, or closed to its owner
my $TICKS = 100;              # of /proc/PID/stat in a second, on every Linux
my ($scan_at, $walk, $walk_at, $was_closed, $page);
my (%own_ticks, $gone_ticks);    # of each process when it was last seen, and of those that have ended

sub begin_scans {
    my ($now) = @_;
    %own_ticks = ();
    $gone_ticks = 0;
    ($scan_at, $walk, $walk_at, $was_closed) = ($now + (has_fast_scans() ? 0 : $SCAN_MS), undef, $now, 0);
}

sub has_fast_scans { return !is_grouped('memory') || !is_grouped('pids') }

# What the tool's processes use: all descendants of this process but the relay. Of bwrap itself no threads count.
sub scan {
    my ($now) = @_;
    return 0 if $now < $scan_at;
    my $began = clock();
    my ($used, @pids) = used_by_tool();
    my $took = clock() - $began;
    my $least = has_fast_scans() ? $LOOK_MS : $SCAN_MS;
    $scan_at = $now + ($SPARE * $took > $least ? $SPARE * $took : $least);
    return reach('cpu_seconds') if $limits{cpu_seconds} && $used->{ticks} >= $limits{cpu_seconds} * $TICKS;
    return reach('processes') if $limits{processes} && !is_grouped('pids') && $used->{threads} >= $limits{processes};
    return reach('memory') if $limits{memory} && !is_grouped('memory') && uses_too_much($used, @pids);
    # Linux 6.2 and newer say the number of open files as the size of the directory.
    for my $pid ($limits{open_files} ? @pids : ()) {
        reach('open_files') if (-s "/proc/$pid/fd" || 0) >= $limits{open_files};
    }
    return 0;
}

sub used_by_tool {
    my (%children, %facts);
    opendir(my $list, '/proc') or return ({ ticks => 0, threads => 0, pages => 0, held => 0 });
    for my $pid (grep { /^\d+$/ } readdir $list) {
        my $line = first_line("/proc/$pid/stat");
        next unless defined $line && $line =~ /.*\) \S (.*)/s;
        my ($parent, @rest) = split / /, $1;
        push @{ $children{$parent} }, $pid;
        # utime, stime, cutime, cstime; num_threads; rss; the process, whose number may be used again; utime, stime.
        my $own = $rest[9] + $rest[10];
        $facts{$pid} = [$own + $rest[11] + $rest[12], $rest[15], $rest[19], "$pid $rest[17]", $own];
    }
    closedir $list;
    my %used = (ticks => 0, threads => 0, pages => 0, held => 0);
    my (%now, %inodes);
    my $is_held = $limits{memory} && !is_grouped('memory');
    my @pids = my @todo = grep { !defined $relay || $_ != $relay } @{ $children{$$} || [] };
    while (defined(my $pid = shift @todo)) {
        push @todo, @{ $children{$pid} || [] };
        push @pids, @{ $children{$pid} || [] };
        my ($ticks, $threads, $pages, $process, $own) = @{ $facts{$pid} };
        $used{ticks} += $ticks;
        $now{$process} = $own;
        $used{held} += held_by($pid, \%inodes) if $is_held;
        $used{pages} += $pages;
        $used{threads} += $threads unless $pid == $tool && $request{isolated} eq 'yes';
    }
    my $seen = ticks_seen(\%now);
    $used{ticks} = $seen if $seen > $used{ticks};
    return (\%used, @pids);
}

# What all processes had used when they were last seen. The parent of one that has ended has its time only if it has
# waited for it; with SIGCHLD ignored it has not.
sub ticks_seen {
    my ($now) = @_;
    for my $process (keys %own_ticks) { $gone_ticks += $own_ticks{$process} unless exists $now->{$process} }
    %own_ticks = %$now;
    my $sum = $gone_ticks;
    $sum += $_ for values %own_ticks;
    my $counted = ticks_of_groups();
    return $counted > $sum ? $counted : $sum;
}

# Groups of version 2 always count it, those of version 1 where they have cpuacct.
sub ticks_of_groups {
    for my $path (group_paths()) {
        my $micros = number_in("$path/cpu.stat", 'usage_usec');
        return $micros * $TICKS / 1e6 if $micros;
        my $nanos = first_line("$path/cpuacct.usage");
        return $nanos * $TICKS / 1e9 if defined $nanos;
    }
    return 0;
}

# Bytes of files in memory that a process has open, each counted once. They are in no process's memory until they are
# mapped there.
sub held_by {
    my ($pid, $inodes) = @_;
    opendir(my $list, "/proc/$pid/fd") or return 0;
    my $bytes = 0;
    for my $number (readdir $list) {
        my $name = readlink "/proc/$pid/fd/$number";
        next unless defined $name && $name =~ m{^/memfd:};
        my ($inode, $blocks) = (stat "/proc/$pid/fd/$number")[1, 12];
        $bytes += 512 * $blocks if defined $blocks && !$inodes->{$inode}++;
    }
    return $bytes;
}

# Pages that processes share count for each of them, and only the slower way tells how much it is together.
sub uses_too_much {
    my ($used, @pids) = @_;
    $page = page_size() unless defined $page;
    return 0 if $used->{pages} * $page + $used->{held} <= $limits{memory};
    my $bytes = $used->{held};
    # What is held and mapped too must not count twice: only the longest way tells which memory that is.
    my $source = $used->{held} ? 'smaps' : 'smaps_rollup';
    for my $pid (@pids) {
        open(my $file, '<', "/proc/$pid/$source") or next;
        my $is_held = 0;
        while (my $line = <$file>) {
            if ($line =~ /^[0-9a-f]+-[0-9a-f]+ /) { $is_held = $line =~ m{ /memfd:} }
            elsif (!$is_held && $line =~ /^Pss:\s+(\d+) kB/) { $bytes += $1 * 1024 }
        }
    }
    return $bytes > $limits{memory};
}

sub page_size {
    my $AT_PAGESZ = 6;
    open(my $file, '<', '/proc/self/auxv') or return 4096;
    sysread($file, my $pairs, 4096);
    my %values = unpack('Q*', $pairs);
    return $values{$AT_PAGESZ} || 4096;
}

# --- the workspace

# Measures it in one go: bytes and files.
sub whole_walk {
    my $whole = new_walk();
    1 until part_of($whole, $WALK_ENTRIES);
    keep_usage(@{$whole}{ 'bytes', 'files' });
    return ($whole->{hidden} || $whole->{closed} ? $TOO_DEEP : $whole->{bytes}, $whole->{files});
}

sub new_walk {
    my ($device) = lstat $request{workspace};
    return { todo => [$request{workspace}], device => $device, bytes => 0, files => 0, seen => {} };
}

# Continues a walk by so many entries; whether it is complete. Links are not followed.
sub part_of {
    my ($this, $most) = @_;
    while ($most > 0) {
        if (!defined $this->{list}) {
            $this->{path} = pop @{ $this->{todo} };
            return 1 unless defined $this->{path};
            if (!opendir($this->{list}, $this->{path})) {
                $this->{list} = undef;
                note_closed($this, $this->{path});
            }
            next;
        }
        my $name = readdir $this->{list};
        if (!defined $name) { closedir $this->{list}; $this->{list} = undef; next }
        next if $name eq '.' || $name eq '..';
        next if $name eq '.ravenhelm' && $request{holds_state} eq 'yes' && $this->{path} eq $request{workspace};
        $most -= 1;
        count_entry($this, "$this->{path}/$name");
    }
    return 0;
}

sub count_entry {
    my ($this, $path) = @_;
    my ($device, $inode, $links, $blocks) = (lstat $path)[0, 1, 3, 12];
    if (!defined $device) {
        $this->{hidden} = 1 if $! == $ENAMETOOLONG;
        note_closed($this, $this->{path});
        return;
    }
    my $is_directory = -d _;
    return if $is_directory && $device != $this->{device};
    $this->{files} += 1;
    push @{ $this->{todo} }, $path if $is_directory;
    return if !$is_directory && $links > 1 && $this->{seen}{$inode}++;
    $this->{bytes} += 512 * $blocks;
}

# A directory that its owner has closed to itself, where the tool's processes may still write: by names that they know,
# or from a directory below. One of another user they cannot have made.
sub note_closed {
    my ($this, $path) = @_;
    return if $! != $EACCES;
    my $owner = (lstat $path)[4];
    $this->{closed} = 1 if defined $owner && $owner == $>;
}

# Continues the walk; whether a complete one shows that the workspace is too large.
sub walk_on {
    my ($now) = @_;
    return 0 if $now < $walk_at;
    $walk = new_walk() unless defined $walk;
    $is_walking = 1;
    return 0 unless part_of($walk, $WALK_ENTRIES);
    my @measured = @{$walk}{ 'bytes', 'files' };
    # A test may close a directory for a moment: two walks in sequence must see one. Which one makes no difference,
    # because files can move from one to the next.
    my $is_hidden = $walk->{hidden} || $was_closed && $walk->{closed};
    $was_closed = $walk->{closed};
    my $pause = $SPARE * $measured[1] / $WALK_ENTRIES;    # a part takes about a millisecond
    ($walk, $walk_at, $is_walking) = (undef, $now + ($pause > $WALK_MS ? $pause : $WALK_MS), 0);
    keep_usage(@measured);
    return reach('workspace_size') if $is_hidden;
    return is_too_large(@measured);
}

1;
