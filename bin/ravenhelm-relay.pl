#!/usr/bin/perl -w
# The relay: listens in the network namespace of one sandbox, and passes each connection to a socket of the worker
# (src/tools/network/gateway.ts). It is outside of all other namespaces of the sandbox: no program in there can see it,
# end it, or open its sockets. The launcher starts it for agents with `network` only, and ends it with the call.
#
# Standard input has one line for each item; it stays open until the call ends:
#
#   machine x64|arm64
#   account UID GID                    which user it becomes when it listens; only for root
#   address HEX                        an address that the loopback device gets
#   listen HEX PORT TARGET|- SOCKET    where it listens, what it says first, as a line (-: nothing), and the socket that
#                                      a connection is passed to
#   pid NUMBER                         a process in the namespace; always last
#
# HEX is an address in network order, of 8 or 32 digits. Standard output gets "ready\n" when it listens everywhere and
# can open the sockets, else what is wrong.
use strict;

my %CALLS = (
    x64   => { setns => 308, setresuid => 117, setresgid => 119 },
    arm64 => { setns => 268, setresuid => 147, setresgid => 149 },
);
my ($CLONE_NEWUSER, $CLONE_NEWNET, $NS_GET_USERNS) = (0x10000000, 0x40000000, 0xb701);
my ($AF_UNIX, $AF_INET, $AF_INET6, $STREAM) = (1, 2, 10, 1);
my ($SOL_SOCKET, $SO_REUSEADDR, $IPPROTO_IPV6, $IPV6_V6ONLY, $IPPROTO_TCP, $TCP_NODELAY) = (1, 2, 41, 26, 6, 1);
my ($F_SETFL, $WRITE_AND_NONBLOCK) = (4, 0x802);
my ($SIOCSIFADDR, $SIOCSIFNETMASK, $LOOPBACK_INDEX) = (0x8916, 0x891c, 1);
my ($EPERM, $EINTR, $EAGAIN, $EADDRNOTAVAIL, $EAFNOSUPPORT) = (1, 4, 11, 99, 97);
my $CHUNK = 1 << 16;
my $MOST_BUFFERED = 1 << 18;
my $MOST_CONNECTIONS = 256;
my $LOOPBACK_TRIES = 500;    # 10 ms apart: bwrap brings the device up at its start

my (%request, @addresses, @listeners, %ends);
my ($connections, $aliases) = (0, 0);

sub fail { my ($message) = @_; syswrite(STDOUT, "$message\n"); exit 1 }

sub main {
    $SIG{PIPE} = 'IGNORE';
    read_request();
    enter();
    add_address($_) for @addresses;
    @listeners = map { listen_on(@$_) } @listeners;
    become($request{account}) if defined $request{account} && $> == 0;
    my %paths = map { $_->{path} => 1 } @listeners;
    for my $path (sort keys %paths) { open_socket($path) or fail("cannot open the socket $path: $!") }
    syswrite(STDOUT, "ready\n");
    serve();
}

# Ends without a word if the launcher is gone.
sub read_request {
    while (defined(my $line = <STDIN>)) {
        chomp $line;
        my ($name, $rest) = split / /, $line, 2;
        if    ($name eq 'address') { push @addresses, $rest }
        elsif ($name eq 'listen')  { push @listeners, [split / /, $rest, 4] }
        else                       { $request{$name} = $rest }
        return if $name eq 'pid';
    }
    exit 0;
}

# Root may enter the network namespace as it is; another user has the rights for it in the user namespace that owns it.
sub enter {
    my $setns = ($CALLS{ $request{machine} } or fail("no system call numbers for $request{machine}"))->{setns};
    my $path = "/proc/$request{pid}/ns/net";
    open(my $network, '<', $path) or fail("cannot open $path: $!");
    return if syscall($setns, fileno $network, $CLONE_NEWNET) == 0;
    fail("cannot enter $path: $!") if $! != $EPERM;
    my $owner = ioctl($network, $NS_GET_USERNS, 0) or fail("cannot find the owner of $path: $!");
    syscall($setns, $owner + 0, $CLONE_NEWUSER) == 0 or fail("cannot enter the user namespace of $path: $!");
    syscall($setns, fileno $network, $CLONE_NEWNET) == 0 or fail("cannot enter $path: $!");
}

# struct ifreq and struct in6_ifreq of linux/if.h and linux/ipv6.h.
sub add_address {
    my ($hex) = @_;
    my $address = pack('H*', $hex);
    my $is_v4 = length $address == 4;
    socket(my $socket, $is_v4 ? $AF_INET : $AF_INET6, 2, 0) or fail("cannot add an address: $!");
    my $done;
    if ($is_v4) {
        $aliases += 1;
        my $of = sub { pack('a16 S n a4 x16', "lo:$aliases", $AF_INET, 0, $_[0]) };
        $done = ioctl($socket, $SIOCSIFADDR, $of->($address)) && ioctl($socket, $SIOCSIFNETMASK, $of->("\xff" x 4));
    } else {
        $done = ioctl($socket, $SIOCSIFADDR, pack('a16 L l', $address, 128, $LOOPBACK_INDEX));
    }
    fail('cannot give the sandbox the address ' . shown($address) . ": $!") unless $done;
}

sub shown {
    my ($address) = @_;
    return join('.', unpack('C4', $address)) if length $address == 4;
    return '[' . join(':', map { sprintf '%x', $_ } unpack('n8', $address)) . ']';
}

# The listeners of one line; none where it is for IPv6's localhost and there is no IPv6.
sub listen_on {
    my ($hex, $port, $target, $path) = @_;
    my $address = pack('H*', $hex);
    my $is_v4 = length $address == 4;
    my $name = $is_v4 ? pack('S n a4 x8', $AF_INET, $port, $address)
        : pack('S n N a16 N', $AF_INET6, $port, 0, $address, 0);
    my $is_optional = $address eq "\0" x 15 . "\1";
    my $where = shown($address) . ":$port";
    my $socket;
    if (!socket($socket, $is_v4 ? $AF_INET : $AF_INET6, $STREAM, 0)) {
        return () if $is_optional && $! == $EAFNOSUPPORT;
        fail("cannot listen on $where in the sandbox: $!");
    }
    setsockopt($socket, $SOL_SOCKET, $SO_REUSEADDR, 1);
    setsockopt($socket, $IPPROTO_IPV6, $IPV6_V6ONLY, 1) unless $is_v4;
    my $tries = 0;
    until (bind($socket, $name)) {
        my $is_missing = $! == $EADDRNOTAVAIL;
        return () if $is_missing && $is_optional && $tries > 10;
        fail("cannot listen on $where in the sandbox: $!") unless $is_missing && ++$tries <= $LOOPBACK_TRIES;
        select(undef, undef, undef, 0.01);
    }
    listen($socket, 128) && fcntl($socket, $F_SETFL, $WRITE_AND_NONBLOCK)
        or fail("cannot listen on $where in the sandbox: $!");
    return { socket => $socket, path => $path, target => $target };
}

# The saved ids too: perl's own variables leave them root's, and with them its rights.
sub become {
    my ($uid, $gid) = map { $_ + 0 } split / /, $_[0];
    my %calls = %{ $CALLS{ $request{machine} } };
    $) = "$gid $gid";    # and no other group
    my $done = syscall($calls{setresgid}, $gid, $gid, $gid) == 0 && syscall($calls{setresuid}, $uid, $uid, $uid) == 0;
    fail("cannot become the user $uid: $!") unless $done;
}

# To a socket of the worker; undef where it cannot be opened.
sub open_socket {
    my ($path) = @_;
    socket(my $socket, $AF_UNIX, $STREAM, 0) or return undef;
    connect($socket, pack('S Z*', $AF_UNIX, $path)) or return undef;
    return $socket;
}

# --- passing on

# Until the launcher ends it, or is gone.
sub serve {
    while (1) {
        my ($reads, $writes) = ('', '');
        vec($reads, fileno STDIN, 1) = 1;
        if ($connections < $MOST_CONNECTIONS) { vec($reads, fileno $_->{socket}, 1) = 1 for @listeners }
        for my $number (keys %ends) {
            my $end = $ends{$number};
            vec($reads, $number, 1) = 1 if !$end->{has_ended} && length $end->{other}{buffer} < $MOST_BUFFERED;
            vec($writes, $number, 1) = 1 if length $end->{buffer};
        }
        my $found = select($reads, $writes, undef, undef);
        next if $found < 0 && $! == $EINTR;
        exit 1 if $found < 0;
        exit 0 if vec($reads, fileno STDIN, 1);
        for my $listener (@listeners) { take($listener) if vec($reads, fileno $listener->{socket}, 1) }
        for my $number (keys %ends) {
            my $end = $ends{$number} or next;    # closed with its other end
            next unless vec($reads, $number, 1) || vec($writes, $number, 1);
            fill($end)  if vec($reads,  $number, 1) && !$end->{is_closed};
            flush($end) if vec($writes, $number, 1) && !$end->{is_closed};
        }
    }
}

sub take {
    my ($listener) = @_;
    accept(my $inside, $listener->{socket}) or return;
    setsockopt($inside, $IPPROTO_TCP, $TCP_NODELAY, 1);
    # Where this fails, the program sees a closed connection.
    my $outside = open_socket($listener->{path}) or return;
    fcntl($_, $F_SETFL, $WRITE_AND_NONBLOCK) for $inside, $outside;
    my $first = $listener->{target} eq '-' ? '' : "$listener->{target}\n";
    my %inner = (socket => $inside, buffer => '');
    my %outer = (socket => $outside, buffer => $first, other => \%inner);
    $inner{other} = \%outer;
    $ends{ fileno $inside } = \%inner;
    $ends{ fileno $outside } = \%outer;
    $connections += 1;
}

# What can be read goes to the other end.
sub fill {
    my ($end) = @_;
    my $other = $end->{other};
    my $got = sysread($end->{socket}, $other->{buffer}, $CHUNK, length $other->{buffer});
    return if !defined $got && ($! == $EAGAIN || $! == $EINTR);
    return discard($end) unless defined $got;
    $end->{has_ended} = 1 if $got == 0;
    flush($other);
}

sub flush {
    my ($end) = @_;
    if (length $end->{buffer}) {
        my $count = syswrite($end->{socket}, $end->{buffer});
        return if !defined $count && ($! == $EAGAIN || $! == $EINTR);
        return discard($end) unless defined $count;
        substr($end->{buffer}, 0, $count, '');
    }
    return if length $end->{buffer} || !$end->{other}{has_ended} || $end->{is_shut};
    shutdown($end->{socket}, 1);
    $end->{is_shut} = 1;
    discard($end) if $end->{other}{is_shut};
}

sub discard {
    my ($end) = @_;
    for my $one ($end, $end->{other}) {
        delete $ends{ fileno $one->{socket} };
        $one->{is_closed} = 1;
    }
    close $_->{socket} for $end, $end->{other};
    delete $end->{other}{other};    # the two hold each other
    delete $end->{other};
    $connections -= 1;
}

main();
